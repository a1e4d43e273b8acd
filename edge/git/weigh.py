"""A pushed pack, weighed before dulwich holds any of its objects in memory (gitformat-pack).

Sizes stand in each object's header, a delta's result in the head of the delta; zlib could make
a thousand bytes of each one. Here they are inflated in pieces, counted and dropped.
"""

import zlib
from typing import IO, Final

import msgspec

from edge.git.errors import PackRefused

_PIECE: Final = 1 << 16
_OFS_DELTA, _REF_DELTA = 6, 7
_TYPES: Final = frozenset((1, 2, 3, 4, _OFS_DELTA, _REF_DELTA))


class Limits(msgspec.Struct, frozen=True):
    """What one push may bring."""

    body: int = 100 * 1024 * 1024  # bytes, as sent and after gzip
    object: int = 100 * 1024 * 1024  # bytes of one object
    total: int = 1024 * 1024 * 1024  # bytes of all objects
    objects: int = 500_000


def weigh(file: IO[bytes], limits: Limits) -> int:
    """Return how many objects the pack has that starts where ``file`` stands, and go back there.

    Raises PackRefused for a pack that is damaged or over a limit.
    """
    start = file.tell()
    stream = _Stream(file)
    head = stream.take(12)
    if head[:4] != b"PACK" or head[4:8] != b"\0\0\0\2":
        raise PackRefused("what was pushed does not start like a pack")
    count = int.from_bytes(head[8:], "big")
    if count > limits.objects:
        raise PackRefused(f"the push has {count} objects, over {limits.objects}")
    total = 0
    for _ in range(count):
        total += _object(stream, limits)
        if total > limits.total:
            raise PackRefused(f"the push unpacks to more than {readable(limits.total)}")
    stream.take(20)
    if not stream.at_end():
        raise PackRefused("something follows the pack")
    file.seek(start)
    return count


def _object(stream: "_Stream", limits: Limits) -> int:
    first = stream.take(1)[0]
    kind, size, shift = first >> 4 & 7, first & 15, 4
    while first & 0x80:
        first = stream.take(1)[0]
        size |= (first & 0x7F) << shift
        shift += 7
    if kind not in _TYPES or shift > 64:
        raise PackRefused("the pack is damaged: an object's header is not one")
    if kind == _REF_DELTA:
        stream.take(20)
    while kind == _OFS_DELTA and stream.take(1)[0] & 0x80:
        pass
    delta = kind in (_OFS_DELTA, _REF_DELTA)
    if size > limits.object:
        raise _too_large(limits)
    head = stream.inflate(size)
    result = _delta_result(head) if delta else size
    if result > limits.object:
        raise _too_large(limits)
    return max(size, result)


def _too_large(limits: Limits) -> PackRefused:
    return PackRefused(f"the push has an object of more than {readable(limits.object)}")


def readable(size: int) -> str:
    """Return a size as people say it."""
    return f"{size / (1024 * 1024):g} MB"


def _delta_result(head: bytes) -> int:
    """Return the size that a delta says its result has: the second number in it."""
    numbers, place = [], 0
    for _ in range(2):
        value = shift = 0
        while True:
            if place >= len(head):
                raise PackRefused("the pack is damaged: a delta ends in its head")
            byte = head[place]
            place += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        numbers.append(value)
    return numbers[1]


class _Stream:
    """A file read in pieces, some of which zlib gives back."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._held = b""

    def take(self, size: int) -> bytes:
        while len(self._held) < size:
            more = self._file.read(_PIECE)
            if not more:
                raise PackRefused("the pack is cut off")
            self._held += more
        taken, self._held = self._held[:size], self._held[size:]
        return taken

    def at_end(self) -> bool:
        return not self._held and not self._file.read(1)

    def inflate(self, size: int) -> bytes:
        """Pass over one zlib stream of exactly ``size`` bytes; return the first 20 of them."""
        inflation, done, head = zlib.decompressobj(), 0, b""
        data = b""
        while not inflation.eof:
            data = data or self.take(1) + self._rest()
            try:
                piece = inflation.decompress(data, _PIECE)
            except zlib.error as error:
                raise PackRefused(f"the pack is damaged: {error}") from error
            data = inflation.unconsumed_tail
            done += len(piece)
            head = head or piece[:20]
            if done > size:
                break
        if done != size:
            raise PackRefused("the pack is damaged: an object has not the size it says")
        self._held = inflation.unused_data
        return head

    def _rest(self) -> bytes:
        held, self._held = self._held, b""
        return held
