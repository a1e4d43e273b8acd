"""Objects out of a pack, every size checked before it is believed."""

import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from dulwich.errors import ApplyDeltaError
from dulwich.pack import apply_delta, take_msb_bytes_at, unpack_object_at

from consumers.source.limits import Deadline, SourceSettings, refused
from schemas.errors import SourceUnavailable

KINDS: Final = {1: b"commit", 2: b"tree", 3: b"blob", 4: b"tag"}
HEADER: Final = 12  # PACK, version, number of objects

Objects = dict[str, tuple[bytes, bytes]]  # hex id → (kind, content)


def hasher(format: str) -> Callable[[bytes], "hashlib._Hash"]:
    """Return the hash of an object format, git's word for it."""
    return hashlib.sha256 if format == "sha256" else hashlib.sha1


def unpack(pack: bytes, format: str, limits: SourceSettings, deadline: Deadline) -> Objects:
    """Return every object of a pack that stands alone.

    Raises Refused over a limit, SourceUnavailable for a pack that is cut short or damaged.
    """
    try:
        return _Unpacking(pack, format, limits, deadline).run()
    except (zlib.error, ApplyDeltaError, AssertionError, IndexError, ValueError) as error:
        raise SourceUnavailable(f"the forge sent a damaged pack: {error}") from error


@dataclass(slots=True)
class _Unpacking:
    pack: bytes
    format: str
    limits: SourceSettings
    deadline: Deadline
    found: Objects = field(default_factory=dict)
    offsets: dict[int, str] = field(default_factory=dict)  # where an object starts → its id
    waiting: dict[str, list[tuple[int, bytes]]] = field(default_factory=dict)  # for their base
    unpacked: int = 0

    def run(self) -> Objects:
        size = hasher(self.format)(b"").digest_size
        content, trailer = self.pack[:-size], self.pack[-size:]
        if len(content) < HEADER or content[:4] != b"PACK":
            raise ValueError("not a pack")
        if hasher(self.format)(content).digest() != trailer:
            raise ValueError("its checksum is wrong")
        at = HEADER
        for _ in range(int.from_bytes(content[8:HEADER], "big")):
            self.deadline.check()
            at = self.one(at)
        if self.waiting:
            raise ValueError("a delta without its base")
        return self.found

    def one(self, start: int) -> int:
        """Take up the object at ``start``; return where the next one starts."""
        raw, _, _ = take_msb_bytes_at(self.pack, start)
        declared = raw[0] & 15
        for place, byte in enumerate(raw[1:]):
            declared |= (byte & 127) << (4 + 7 * place)
        self.count(declared)
        entry, end = unpack_object_at(self.pack, start, lambda: hasher(self.format)(b""))
        body = b"".join(entry.decomp_chunks)
        base_of = entry.delta_base
        if isinstance(base_of, bytes):
            base = base_of.hex()
            if base in self.found:
                self.patch(start, base, body)
            else:
                self.waiting.setdefault(base, []).append((start, body))
        elif base_of is not None:
            if (base := self.offsets.get(start - base_of, "")) == "":
                raise ValueError("a delta without its base")
            self.patch(start, base, body)
        else:
            self.keep(start, KINDS[entry.pack_type_num], body)
        return end

    def patch(self, start: int, base: str, delta: bytes) -> None:
        kind, body = self.found[base]
        _, rest = _varint(delta, 0)
        size, _ = _varint(delta, rest)
        self.count(size)
        self.keep(start, kind, b"".join(apply_delta(body, delta)))

    def keep(self, start: int, kind: bytes, body: bytes) -> None:
        name = hasher(self.format)(kind + b" %d\0" % len(body) + body).hexdigest()
        self.found[name] = kind, body
        self.offsets[start] = name
        for place, delta in self.waiting.pop(name, ()):
            self.patch(place, name, delta)

    def count(self, size: int) -> None:
        self.unpacked += size
        if self.unpacked > self.limits.unpacked_bytes:
            message = f"more than {self.limits.unpacked_bytes} bytes, unpacked"
            raise refused("source_too_large", message, "keep large files out of the repository")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            return value, at
