"""The head of a response: what frames its body, and what of it goes on to the caller."""

import re
from typing import Final, NamedTuple

from edge.router.causes import UPSTREAM_INVALID, Refused
from edge.router.fields import (
    HOP_BY_HOP,
    NO_TOKENS,
    Known,
    KnownLines,
    Malformed,
    framing,
    tokens,
)
from edge.router.ours import SET_COOKIE, Carried, Set
from edge.router.request import CHUNKED

UNTIL_CLOSE: Final = -2  # a length: the end of the connection is the end of the body
SWITCHING: Final = 101

_STATUS: Final = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?")
_FIRST_FINAL: Final = 200
_BODILESS: Final = frozenset((204, 304))
_LENGTH: Final = b"content-length"
_CODING: Final = b"transfer-encoding"


class Response(NamedTuple):
    """The head of a response."""

    status: int
    length: int  # CHUNKED, UNTIL_CLOSE or bytes; HEAD has none whatever this says
    close: bool  # the upstream ends its connection after it
    head: bytes  # for the caller: without what is hop by hop, with its last empty line
    verbatim: bool  # ``head`` is what the upstream sent


class Responses(Known[Response]):
    """Heads of responses by their exact bytes, of one kind of upstream."""

    __slots__ = ("_parser",)

    def __init__(self, without: Carried | None = None) -> None:
        """Know none yet; what ``without`` finds in a line does not go on."""
        super().__init__()
        self._parser = ResponseParser(without)

    def learn(self, raw: bytes) -> Response:
        """Parse a head and keep what it says; raises Refused."""
        response = self._parser.parse(raw)
        self.keep(raw, response)
        return response


class ResponseParser:
    """Parses heads of responses."""

    __slots__ = ("_known",)

    def __init__(self, without: Carried | None = None) -> None:
        """Know no line yet."""
        self._known = KnownLines((HOP_BY_HOP - {b"trailer"}) | {_LENGTH}, ours=without)

    def parse(self, raw: bytes) -> Response:
        """Return what a head with its last empty line says; Refused where it is not HTTP/1.1."""
        first, *lines = raw[:-4].split(b"\r\n")
        start = _STATUS.fullmatch(first)
        if start is None:
            raise Refused(UPSTREAM_INVALID)
        status, old = int(start[2]), start[1] == b"0"
        try:
            fields, values = self._known.read(lines)
            length = _length(status, values)
        except Malformed:
            raise Refused(UPSTREAM_INVALID) from None
        named = tokens(values[b"connection"]) if b"connection" in values else NO_TOKENS
        close = b"close" in named or (old and b"keep-alive" not in named)
        whole = all(field.bare is field.onward for field in fields)
        if whole and not old and values.keys() <= {_LENGTH}:
            return Response(status, length, close, raw, verbatim=True)
        out = [b"HTTP/1.1", first[8:], b"\r\n"]
        if length == CHUNKED:
            out.append(b"Transfer-Encoding: chunked\r\n")
        out += [b"Content-Length: %b\r\n" % value for value in values.get(_LENGTH, ())]
        out += [field.bare for field in fields if field.name not in named]
        return Response(status, length, close, b"".join((*out, b"\r\n")), verbatim=False)


def _length(status: int, values: dict[bytes, list[bytes]]) -> int:
    if status < _FIRST_FINAL or status in _BODILESS:
        return 0
    length, chunked = framing(values)
    if chunked:
        return CHUNKED
    return UNTIL_CLOSE if length is None else length


def switched(raw: bytes) -> bytes:
    """Return the head of a 101 as the caller needs it: with its Upgrade."""
    start = raw.index(b"\r\n") + 2
    dropped = (b"connection", b"upgrade", _LENGTH, _CODING)
    kept = []
    for line in raw[start:-4].split(b"\r\n"):
        name, _, value = line.partition(b":")
        ours = name.lower() == SET_COOKIE and Set().within(name, value)
        if name.lower() not in dropped and not ours:
            kept.append(line + b"\r\n")
    return b"".join((raw[:start], b"Connection: Upgrade\r\nUpgrade: websocket\r\n", *kept, b"\r\n"))


def closing(head: bytes) -> bytes:
    """Return a head that tells the caller that its connection ends."""
    return head[:-2] + b"Connection: close\r\n\r\n"


def unchunked(head: bytes) -> bytes:
    """Return a head for a caller of HTTP/1.0, which knows no chunks."""
    return head.replace(b"Transfer-Encoding: chunked\r\n", b"", 1)
