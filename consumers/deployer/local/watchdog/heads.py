"""Heads of HTTP/1 requests and answers, read strictly, and where a chunked body ends."""

import re
from typing import Final

import httptools

LIMIT: Final = 64 * 1024  # bytes of one head; the router forwards no larger ones
HOP: Final = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"upgrade",
    )
)
CHUNKED: Final = -1  # lengths of a body which are not counted in bytes
UNTIL_CLOSE: Final = -2
_SIZE: Final = re.compile(rb"[0-9a-fA-F]{1,12}").fullmatch


class Malformed(ValueError):
    """Not HTTP as it is written down."""


class _Collected:
    """What httptools calls back."""

    __slots__ = ("done", "fields", "target")

    def __init__(self) -> None:
        self.target = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.done = False

    def on_url(self, part: bytes) -> None:
        self.target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))

    def on_headers_complete(self) -> None:
        self.done = True


class Request:
    """The head of one request."""

    __slots__ = ("fields", "keep", "length", "method", "target", "upgrade", "version")

    def __init__(self, head: bytes) -> None:
        """Read a head with its empty line; raises Malformed."""
        found = _Collected()
        parser = httptools.HttpRequestParser(found)
        try:
            parser.feed_data(head)
        except httptools.HttpParserUpgrade:
            pass
        except httptools.HttpParserError as error:
            raise Malformed(str(error)) from error
        if not found.done:
            raise Malformed("the head is not complete")
        self.method: bytes = parser.get_method()
        self.version: str = parser.get_http_version()
        if self.version not in ("1.0", "1.1"):
            raise Malformed(f"HTTP/{self.version}")
        self.target = found.target
        self.fields = found.fields
        self.length, options = _framing(found.fields)
        self.upgrade = b"upgrade" in options
        self.keep = self.version == "1.1" and b"close" not in options
        if self.length == UNTIL_CLOSE:
            self.length = 0

    def field(self, name: bytes) -> bytes | None:
        """Return the first field of this name, which is in lower case."""
        return next((value for known, value in self.fields if known.lower() == name), None)


class Answer:
    """The head of one answer."""

    __slots__ = ("fields", "first", "keep", "length", "status")

    def __init__(self, head: bytes, *, to_head: bool) -> None:
        """Read a head with its empty line, the answer ``to_head`` or not; raises Malformed."""
        found = _Collected()
        parser = httptools.HttpResponseParser(found)
        try:
            parser.feed_data(head)
        except httptools.HttpParserUpgrade:
            pass
        except httptools.HttpParserError as error:
            raise Malformed(str(error)) from error
        if not found.done:
            raise Malformed("the head is not complete")
        self.status: int = parser.get_status_code()
        self.first = head[: head.index(b"\r\n")]
        self.fields = found.fields
        self.length, options = _framing(found.fields)
        self.keep = parser.get_http_version() == "1.1" and b"close" not in options
        if to_head or self.status < 200 or self.status in (204, 304):
            self.length = 0
        if self.length == UNTIL_CLOSE:
            self.keep = False


def _framing(fields: list[tuple[bytes, bytes]]) -> tuple[int, frozenset[bytes]]:
    """Return the body's length and the options of Connection."""
    length, options = UNTIL_CLOSE, frozenset[bytes]()
    for name, value in fields:
        known = name.lower()
        if known == b"content-length":
            if length != UNTIL_CLOSE or not value.isdigit():
                raise Malformed("more than one length")
            length = int(value)
        elif known == b"transfer-encoding":
            if length != UNTIL_CLOSE or value.strip().lower() != b"chunked":
                raise Malformed("a transfer encoding that is not chunked alone")
            length = CHUNKED
        elif known == b"connection":
            options |= {option.strip().lower() for option in value.split(b",")}
    return length, options


class Chunks:
    """Finds the end of a chunked body, and its payload where that is wanted."""

    __slots__ = ("_left", "_line", "_state", "payload")
    _LINE, _DATA, _TRAILER = range(3)

    def __init__(self, payload: bytearray | None = None) -> None:
        """Collect into ``payload`` unless it is None."""
        self._state = self._LINE
        self._left = 0  # of this chunk and its line end
        self._line = b""
        self.payload = payload

    def feed(self, data: bytes) -> tuple[int, bool]:
        """Return how many bytes belong to the body, and whether that was its end."""
        place, end = 0, len(data)
        while place < end:
            if self._state == self._DATA:
                taken = min(self._left, end - place)
                if self.payload is not None and self._left > 2:
                    self.payload += data[place : place + min(taken, self._left - 2)]
                place += taken
                self._left -= taken
                if not self._left:
                    self._state = self._LINE
                continue
            newline = data.find(b"\n", place)
            if newline < 0:
                self._line += data[place:]
                if len(self._line) > 4096:
                    raise Malformed("a chunk's first line is too long")
                return end, False
            line, self._line = (self._line + data[place:newline]).strip(), b""
            place = newline + 1
            if self._state == self._TRAILER:
                if not line:
                    return place, True
            else:
                self._open(line)
        return place, False

    def _open(self, line: bytes) -> None:
        digits = line.partition(b";")[0].strip()
        if (
            not digits
            or len(digits) > 12
            or not all(byte in b"0123456789abcdefABCDEF" for byte in digits)
        ):
            raise Malformed("a chunk's size is no number")
        count = int(digits, 16)
        self._state = self._DATA if count else self._TRAILER
        self._left = count + 2
