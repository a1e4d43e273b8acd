"""Header compression (RFC 7541): a whole decoder, an encoder that compresses nothing."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from consumers.builder.buildkit.http2 import huffman
from consumers.builder.buildkit.http2.errors import ConnectionBroken

TABLE: Final = 4096  # bytes of the dynamic table, by default and by our settings
OVERHEAD: Final = 32  # bytes that an entry counts beside its name and value
LONGEST: Final = 4 * 1024 * 1024  # bytes of one list: a large .dockerignore travels as headers

Headers = list[tuple[bytes, bytes]]

_PLAIN: Final = (
    b"accept-charset accept-encoding accept-language accept-ranges accept "
    b"access-control-allow-origin age allow authorization cache-control content-disposition "
    b"content-encoding content-language content-length content-location content-range "
    b"content-type cookie date etag expect expires from host if-match if-modified-since "
    b"if-none-match if-range if-unmodified-since last-modified link location max-forwards "
    b"proxy-authenticate proxy-authorization range referer refresh retry-after server set-cookie "
    b"strict-transport-security transfer-encoding user-agent vary via www-authenticate"
).split()
STATIC: Final[Headers] = [  # appendix A
    (b":authority", b""),
    (b":method", b"GET"),
    (b":method", b"POST"),
    (b":path", b"/"),
    (b":path", b"/index.html"),
    (b":scheme", b"http"),
    (b":scheme", b"https"),
    *((b":status", code) for code in b"200 204 206 304 400 404 500".split()),
    *((name, b"gzip, deflate" if name == b"accept-encoding" else b"") for name in _PLAIN),
]


def encode(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return a header block of literals; receivers remember none of them."""
    block = bytearray()
    for name, value in headers:
        block.append(0)
        for part in (name, value):
            block += _integer(len(part), 7) + part
    return bytes(block)


def _integer(value: int, prefix: int) -> bytes:
    most = (1 << prefix) - 1
    if value < most:
        return bytes((value,))
    out = bytearray((most,))
    value -= most
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


@dataclass(slots=True)
class Decoder:
    """One connection's memory of what its peer sent."""

    table: deque[tuple[bytes, bytes]] = field(default_factory=deque)  # the newest first
    size: int = 0
    most: int = TABLE

    def decode(self, block: bytes) -> Headers:
        """Return the headers of a whole block; raise ConnectionBroken."""
        headers: Headers = []
        at = length = 0
        try:
            while at < len(block):
                first = block[at]
                if first & 0xE0 == 0x20:
                    size, at = _read(block, at, 5)
                    self._resize(size)
                    continue
                header, at = self._field(block, at, first)
                headers.append(header)
                length += len(header[0]) + len(header[1]) + OVERHEAD
                if length > LONGEST:
                    raise ConnectionBroken("a list of headers is too long")
        except IndexError:
            raise ConnectionBroken("a header block is cut short") from None
        return headers

    def _field(self, block: bytes, at: int, first: int) -> tuple[tuple[bytes, bytes], int]:
        if first & 0x80:
            index, at = _read(block, at, 7)
            return self._entry(index), at
        remembered = bool(first & 0x40)
        index, at = _read(block, at, 6 if remembered else 4)
        if index:
            name = self._entry(index)[0]
        else:
            name, at = _string(block, at)
        value, at = _string(block, at)
        if remembered:
            self._remember((name, value))
        return (name, value), at

    def _entry(self, index: int) -> tuple[bytes, bytes]:
        if not index or index > len(STATIC) + len(self.table):
            raise ConnectionBroken("a header names an entry that is not there")
        return STATIC[index - 1] if index <= len(STATIC) else self.table[index - len(STATIC) - 1]

    def _remember(self, entry: tuple[bytes, bytes]) -> None:
        self.table.appendleft(entry)
        self.size += len(entry[0]) + len(entry[1]) + OVERHEAD
        self._forget()

    def _resize(self, size: int) -> None:
        if size > TABLE:
            raise ConnectionBroken("a header table is larger than we allow")
        self.most = size
        self._forget()

    def _forget(self) -> None:
        while self.size > self.most:
            name, value = self.table.pop()
            self.size -= len(name) + len(value) + OVERHEAD


def _read(block: bytes, at: int, prefix: int) -> tuple[int, int]:
    """Return the integer at ``at`` and where it ends (5.1)."""
    most = (1 << prefix) - 1
    value = block[at] & most
    at += 1
    if value < most:
        return value, at
    for shift in range(0, 35, 7):
        byte = block[at]
        at += 1
        value += (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ConnectionBroken("a header has an integer that is too large")


def _string(block: bytes, at: int) -> tuple[bytes, int]:
    """Return the string at ``at`` and where it ends (5.2)."""
    coded = block[at] & 0x80
    length, at = _read(block, at, 7)
    end = at + length
    if end > len(block):
        raise ConnectionBroken("a header string is cut short")
    raw = block[at:end]
    return (huffman.decode(raw) if coded else raw), end
