"""The head of a request: parsed strictly, once per distinct bytes.

Two dictionaries go from exact bytes to all that is known of them: one for request lines, one
for blocks of header fields. They hold nothing that a route change could make untrue.
"""

import re
from typing import Final, NamedTuple

from edge.router import address
from edge.router.causes import (
    BAD_EXPECTATION,
    BAD_FRAMING,
    BAD_HEADER,
    BAD_HOST,
    BAD_METHOD,
    BAD_REQUEST_LINE,
    BAD_VERSION,
    HEAD_TOO_LARGE,
    Refused,
)

LONGEST_HEAD: Final = 64 * 1024  # bytes
MOST_FIELDS: Final = 100
_MOST_KNOWN: Final = 8192  # distinct header lines
_LONGEST_KNOWN: Final = 1024  # bytes
CHUNKED: Final = -1  # a length: the body says itself where it ends

_LINE: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([^ ]+) HTTP/([0-9])\.([0-9])")
_METHOD: Final = re.compile(rb"[A-Z][A-Z_-]{0,31}")
_NEVER: Final = frozenset((b"CONNECT", b"TRACE"))
_IDEMPOTENT: Final = frozenset((b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"))

# RFC 9110, 5.5 and 5.6.2: a token, a colon at once, visible bytes, spaces and tabs, CRLF.
_FIELD: Final = rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*+([\t\x20-\x7e\x80-\xff]*)\r\n"
FIELDS: Final = re.compile(rb"(?:%b)*+" % _FIELD.replace(b"(", b"(?:"))
FIELD: Final = re.compile(_FIELD)

_LENGTH: Final = re.compile(rb"[0-9]{1,18}")
_CALL_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,64}")
HOP_BY_HOP: Final = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
# What the router writes itself. A CGI-like upstream takes ``_`` for ``-``: so do we here.
_OURS: Final = frozenset(
    (
        b"content-length",
        b"expect",
        b"forwarded",
        b"host",
        b"x-call-id",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"x-real-ip",
    )
)


class Line(NamedTuple):
    """A request line. ``heads`` are the lines to send on, by how many segments are a name."""

    method: str
    shown: str  # the canonical path without its query, for the access log
    authority: bytes  # of an absolute target
    old: bool  # HTTP/1.0
    idempotent: bool
    head_only: bool
    name: bytes  # the first segment of the path
    second: bytes
    heads: tuple[bytes, bytes, bytes]


class Fields(NamedTuple):
    """A block of header fields. ``onward`` is what goes on, without its last empty line."""

    host: bytes  # canonical
    name: str  # the same, for the access log
    authority: bytes  # as it was sent, in lower case
    length: int  # CHUNKED, or that of Content-Length, 0 without one
    close: bool
    proceed: bool  # Expect: 100-continue
    call_id: bytes  # nothing where we shall make one
    tunnel: bool  # Upgrade: websocket
    onward: bytes


# Those of a connection without a request.
NO_LINE: Final = Line("", "", b"", False, False, False, b"", b"", (b"", b"", b""))  # noqa: FBT003
NO_FIELDS: Final = Fields(b"", "", b"", 0, False, False, b"", False, b"")  # noqa: FBT003


def parse_line(raw: bytes) -> Line:
    """Return what a request line says; Refused says why not."""
    found = _LINE.fullmatch(raw)
    if found is None:
        raise Refused(BAD_REQUEST_LINE)
    method, target, major, minor = found.groups()
    if major != b"1" or minor not in b"01":
        raise Refused(BAD_VERSION)
    if method in _NEVER or not _METHOD.fullmatch(method):
        raise Refused(BAD_METHOD)
    authority, path, query = address.split(target)
    name, slash, rest = path[1:].partition(b"/")
    second, slash_too, deeper = rest.partition(b"/")
    after = (path, slash + rest, slash_too + deeper)
    return Line(
        method=method.decode(),
        shown=path.decode(),
        authority=authority.lower(),
        old=minor == b"0",
        idempotent=method in _IDEMPOTENT,
        head_only=method == b"HEAD",
        name=name,
        second=second,
        heads=tuple(  # type: ignore[arg-type]
            b"%b %b%b HTTP/1.1\r\n" % (method, onward or b"/", query) for onward in after
        ),
    )


class Field(NamedTuple):
    """One header line."""

    name: bytes  # in lower case
    value: bytes
    onward: bytes  # the line to send on; nothing for what is hop by hop, or written by us


class FieldParser:
    """Parses blocks of header fields as one router passes them on.

    Heads differ, their lines repeat: each distinct line is parsed once.
    """

    __slots__ = ("_known", "_proto")

    def __init__(self, proto: str) -> None:
        """Tell upstreams that callers came by ``proto``."""
        self._proto = proto.encode()
        self._known: dict[bytes, Field] = {}

    def parse(self, block: bytes) -> Fields:
        """Return what a block says, each line ended by CRLF; Refused says why not."""
        lines = block.split(b"\r\n")
        if lines.pop() or len(lines) > MOST_FIELDS:
            raise Refused(HEAD_TOO_LARGE if len(lines) > MOST_FIELDS else BAD_HEADER)
        fields = [self._known.get(line) or self._learn(line) for line in lines]
        known: dict[bytes, list[bytes]] = {}
        for name, value, onward in fields:
            if not onward:
                known.setdefault(name, []).append(value)
        authority = _host(known)
        named = tokens(known.get(b"connection", ()))
        call_id = b"".join(known.get(b"x-call-id", ())[:1])
        call_id = call_id if _CALL_ID.fullmatch(call_id) else b""
        upgrades = tokens(known.get(b"upgrade", ()))
        length, framing = _framing(known)
        out = [
            b"Host: %b\r\nX-Forwarded-Host: %b\r\nX-Forwarded-Proto: %b\r\n"
            % (authority, authority, self._proto),
            framing,
            b"X-Call-Id: %b\r\n" % call_id if call_id else b"",
        ]
        out += [onward for name, _, onward in fields if name not in named]
        host = address.host(authority)
        return Fields(
            host=host,
            name=host.decode(),
            authority=authority.lower(),
            length=length,
            close=b"close" in named,
            proceed=_proceed(known),
            call_id=call_id,
            tunnel=b"upgrade" in named and b"websocket" in upgrades,
            onward=b"".join(out),
        )

    def _learn(self, line: bytes) -> Field:
        found = FIELD.fullmatch(line + b"\r\n")
        if found is None:
            raise Refused(BAD_HEADER)
        name, value = found[1].lower(), found[2].rstrip()
        plain = name.replace(b"_", b"-")
        ours = plain in HOP_BY_HOP or plain in _OURS
        field = Field(name, value, b"" if ours else b"%b: %b\r\n" % (found[1], value))
        if len(line) <= _LONGEST_KNOWN:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[line] = field
        return field


def tokens(values: "tuple[bytes, ...] | list[bytes]") -> frozenset[bytes]:
    """Return the members of a list field, in lower case."""
    return frozenset(part.strip().lower() for value in values for part in value.split(b","))


def _host(known: dict[bytes, list[bytes]]) -> bytes:
    values = known.get(b"host", [])
    if len(values) != 1:
        raise Refused(BAD_HOST)
    return values[0]


def _framing(known: dict[bytes, list[bytes]]) -> tuple[int, bytes]:
    """Return the body's length and the header that says so onward."""
    lengths, codings = known.get(b"content-length", []), known.get(b"transfer-encoding", [])
    if not lengths and not codings:
        return 0, b""
    if len(lengths) + len(codings) > 1:
        raise Refused(BAD_FRAMING)
    if codings:
        if codings[0].lower() != b"chunked":
            raise Refused(BAD_FRAMING)
        return CHUNKED, b"Transfer-Encoding: chunked\r\n"
    if not _LENGTH.fullmatch(lengths[0]):
        raise Refused(BAD_FRAMING)
    return int(lengths[0]), b"Content-Length: %d\r\n" % int(lengths[0])


def _proceed(known: dict[bytes, list[bytes]]) -> bool:
    expected = known.get(b"expect", [])
    if not expected:
        return False
    if len(expected) != 1 or expected[0].lower() != b"100-continue":
        raise Refused(BAD_EXPECTATION)
    return True
