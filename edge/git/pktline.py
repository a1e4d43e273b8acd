"""pkt-lines: four hex digits of length, then the line; ``0000`` is a flush (gitprotocol-common)."""

import re
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from edge.git.errors import ProtocolBroken

FLUSH: Final = b"0000"
LONGEST: Final = 65520  # bytes, its own four included
PACK_DATA: Final = 1  # side-band channels (gitprotocol-pack, "Packfile Data")
PROGRESS: Final = 2

_LENGTH: Final = re.compile(rb"[0-9a-fA-F]{4}")


class Readable(Protocol):
    """A file, as far as it is needed here."""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes, none at the end."""
        ...


def line(text: bytes) -> bytes:
    """Return ``text`` as one pkt-line."""
    if len(text) > LONGEST - 4:
        raise ValueError(f"{len(text)} bytes do not fit into a pkt-line")
    return b"%04x%s" % (len(text) + 4, text)


def band(channel: int, data: bytes) -> bytes:
    """Return ``data`` on a channel of side-band-64k, in as many pkt-lines as it takes.

    No data at all is one empty packet: it keeps a silent connection open.
    """
    step = LONGEST - 5
    starts = range(0, len(data), step) if data else (0,)
    return b"".join(line(bytes((channel,)) + data[at : at + step]) for at in starts)


def read(stream: Readable) -> bytes | None:
    """Return the next line without its newline, None for a flush.

    Raises ProtocolBroken at the end of the stream and for what is not a pkt-line.
    """
    head = stream.read(4)
    if not _LENGTH.fullmatch(head):
        raise ProtocolBroken(f"expected the length of a pkt-line, got {head!r}")
    length = int(head, 16)
    if length == 0:
        return None
    if not 4 < length <= LONGEST:
        raise ProtocolBroken(f"a pkt-line says that it has {length} bytes")
    text = stream.read(length - 4)
    if len(text) < length - 4:
        raise ProtocolBroken("the stream ends within a pkt-line")
    return text.removesuffix(b"\n")


def section(stream: Readable, *, most: int) -> Iterator[bytes]:
    """Yield the lines up to the next flush; ProtocolBroken when there are more than ``most``."""
    count = 0
    while (text := read(stream)) is not None:
        count += 1
        if count > most:
            raise ProtocolBroken(f"more than {most} lines in one request")
        yield text


def lines(texts: Iterable[bytes]) -> bytes:
    """Return ``texts`` as pkt-lines and a flush."""
    return b"".join(map(line, texts)) + FLUSH
