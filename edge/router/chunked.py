"""A chunked body: where it ends, found while its bytes pass."""

import re
from typing import Final

from edge.router.causes import BAD_CHUNK, BODY_TOO_LARGE, Cause, Refused

# 15 digits: a size that fits 64 bits with their sign, whoever reads it after us.
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})\r\n")
_SIZE_BEGUN: Final = re.compile(rb"[0-9A-Fa-f]{0,15}\r?")
# What frames or routes a message stands in its head alone (RFC 9110, 6.5.1): late, it is a trick.
_TRAILER: Final = re.compile(
    rb"(?!(?:content-length|transfer-encoding|host) *:)"
    rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*",
    re.IGNORECASE,
)
_TRAILERS: Final = 8 * 1024  # bytes of all of them

AT_SIZE, IN_DATA, AFTER_DATA, AT_TRAILER, DONE = range(5)


class BadChunk(Refused):
    """The body breaks the grammar, or is too long; it goes no further."""

    def __init__(self, cause: Cause = BAD_CHUNK) -> None:
        """Say which."""
        super().__init__(cause)


class Chunked:
    """Finds the end of a chunked body; memory is bounded by one line.

    Strict, for two readers that disagree about a size are how requests are smuggled: plain
    sizes, no extensions. Trailers are checked, and dropped unless somebody asked for them.
    """

    __slots__ = (
        "_held",
        "_keeps",
        "_left",
        "_most",
        "_payload_only",
        "_size_so_far",
        "_state",
        "_trailers",
        "_was",
    )

    def __init__(self, *, payload_only: bool = False, trailers: bool = False) -> None:
        """Pass the chunks on as they are, ``trailers`` too, or their payload alone."""
        self._keeps = trailers
        self._held = b""  # the beginning of a line
        self._left = 0  # bytes of this chunk to come
        self._most = -1  # bytes of payload; -1: no limit
        self._size_so_far = 0  # bytes of payload, with the rest of this chunk
        self._payload_only = payload_only
        self._state = self._was = AT_SIZE
        self._trailers = 0

    @property
    def done(self) -> bool:
        """Tell whether the body has ended."""
        return self._state == DONE

    def restrict(self, most: int) -> None:
        """Take no more payload than this; raises BadChunk."""
        self._most = most
        if self._size_so_far > most:
            raise BadChunk(BODY_TOO_LARGE)

    def feed(self, data: bytes) -> tuple[bytes, int]:
        """Return (what to pass on, how many bytes of ``data`` belong to the body)."""
        before = len(self._held)
        if before:
            data = self._held + data
            self._held = b""
        passed: list[bytes] = []
        start = at = 0  # data[start:at] is checked and not yet in ``passed``
        while self._state != DONE:
            after = self._step(data, at)
            if self._payload_only:
                if self._was == IN_DATA:
                    passed.append(data[at:after])
            elif self._was == AT_TRAILER and self._state != DONE and not self._keeps:
                passed.append(data[start:at])
                start = after  # this line is left out
            if after == at and self._was == self._state:
                break
            at = after
        if not self._payload_only:
            passed.append(data[start:at])
        if self._state == DONE:
            return b"".join(passed), at - before
        self._held = data[at:]
        return b"".join(passed), len(data) - before

    def _step(self, data: bytes, at: int) -> int:
        """Take one line, or what there is of a chunk's data; return where it ends."""
        self._was = self._state
        if self._state == IN_DATA:
            return self._payload(data, at)
        if self._state == AT_SIZE:
            return self._size(data, at)
        if self._state == AFTER_DATA:
            return self._end(data, at)
        return self._trailer(data, at)

    def _payload(self, data: bytes, at: int) -> int:
        step = min(self._left, len(data) - at)
        self._left -= step
        if not self._left:
            self._state = AFTER_DATA
        return at + step

    def _size(self, data: bytes, at: int) -> int:
        found = _SIZE.match(data, at)
        if found is None:
            if _SIZE_BEGUN.fullmatch(data, at) is None:
                raise BadChunk
            return at
        self._left = int(found[1], 16)
        self._size_so_far += self._left
        if 0 <= self._most < self._size_so_far:
            raise BadChunk(BODY_TOO_LARGE)
        self._state = IN_DATA if self._left else AT_TRAILER
        return found.end()

    def _end(self, data: bytes, at: int) -> int:
        end = data[at : at + 2]
        if end == b"\r\n":
            self._state = AT_SIZE
            return at + 2
        if end in (b"", b"\r"):
            return at
        raise BadChunk

    def _trailer(self, data: bytes, at: int) -> int:
        end = data.find(b"\r\n", at)
        size = (end if end >= 0 else len(data)) - at
        if self._trailers + size > _TRAILERS:
            raise BadChunk
        if end < 0:
            return at
        if end == at:
            self._state = DONE
        elif _TRAILER.fullmatch(data, at, end) is None:
            raise BadChunk
        self._trailers += size
        return end + 2
