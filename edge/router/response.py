"""The head of a response: what frames its body, and what of it goes on to the caller."""

import re
from typing import Final, NamedTuple

from edge.router.causes import UPSTREAM_INVALID, Refused
from edge.router.request import CHUNKED, FIELD, FIELDS, HOP_BY_HOP, tokens

UNTIL_CLOSE: Final = -2  # a length: the end of the connection is the end of the body
SWITCHING: Final = 101

_STATUS: Final = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?\r\n")
_LENGTH: Final = re.compile(rb"[0-9]{1,18}")
_FIRST_FINAL: Final = 200
_BODILESS: Final = frozenset((204, 304))


class Response(NamedTuple):
    """The head of a response."""

    status: int
    length: int  # CHUNKED, UNTIL_CLOSE or bytes; HEAD has none whatever this says
    close: bool  # the upstream ends its connection after it
    head: bytes  # for the caller: without what is hop by hop, with its last empty line
    verbatim: bool  # ``head`` is what the upstream sent


def parse(raw: bytes) -> Response:
    """Return what a head with its last empty line says; Refused where it is not HTTP/1.1."""
    start = _STATUS.match(raw)
    if start is None or FIELDS.fullmatch(raw, start.end(), len(raw) - 2) is None:
        raise Refused(UPSTREAM_INVALID)
    status, old = int(start[2]), start[1] == b"0"
    pairs = FIELD.findall(raw, start.end(), len(raw) - 2)
    connection: frozenset[bytes] = frozenset()
    lengths, codings, hops = [], [], False
    for name, value in pairs:
        lower = name.lower()
        if lower == b"content-length":
            lengths.append(value.rstrip())
        elif lower in HOP_BY_HOP:
            hops = True
            if lower == b"transfer-encoding":
                codings.append(value.strip().lower())
            elif lower == b"connection":
                connection |= tokens([value])
    connection -= {b"content-length"}  # it frames the body, whatever the upstream says of it
    length = _length(status, lengths, codings)
    close = b"close" in connection or (old and b"keep-alive" not in connection)
    if not hops and not old:
        return Response(status, length, close, raw, verbatim=True)
    head = _onward(b"HTTP/1.1" + start[0][8:], pairs, connection, chunked=length == CHUNKED)
    return Response(status, length, close, head, verbatim=False)


def _length(status: int, lengths: list[bytes], codings: list[bytes]) -> int:
    if status < _FIRST_FINAL or status in _BODILESS:
        return 0
    if len(lengths) + len(codings) > 1:
        raise Refused(UPSTREAM_INVALID)
    if codings:
        if codings[0] != b"chunked":
            raise Refused(UPSTREAM_INVALID)
        return CHUNKED
    if not lengths:
        return UNTIL_CLOSE
    if not _LENGTH.fullmatch(lengths[0]):
        raise Refused(UPSTREAM_INVALID)
    return int(lengths[0])


def _onward(
    line: bytes, pairs: list[tuple[bytes, bytes]], named: frozenset[bytes], *, chunked: bool
) -> bytes:
    out = [line]
    if chunked:
        out.append(b"Transfer-Encoding: chunked\r\n")
    out += [
        b"%b: %b\r\n" % (name, value)
        for name, value in pairs
        if name.lower() not in HOP_BY_HOP and name.lower() not in named
    ]
    return b"".join((*out, b"\r\n"))


def switched(raw: bytes) -> bytes:
    """Return the head of a 101 as the caller needs it: with its Upgrade."""
    start = raw.index(b"\r\n") + 2
    kept = [
        b"%b: %b\r\n" % (name, value)
        for name, value in FIELD.findall(raw, start)
        if name.lower() not in (b"connection", b"upgrade", b"content-length", b"transfer-encoding")
    ]
    return b"".join((raw[:start], b"Connection: Upgrade\r\nUpgrade: websocket\r\n", *kept, b"\r\n"))


def closing(head: bytes) -> bytes:
    """Return a head that tells the caller that its connection ends."""
    return head[:-2] + b"Connection: close\r\n\r\n"


def unchunked(head: bytes) -> bytes:
    """Return a head for a caller of HTTP/1.0, which knows no chunks."""
    return head.replace(b"Transfer-Encoding: chunked\r\n", b"", 1)
