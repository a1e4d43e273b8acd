"""The head of a request: parsed strictly, once per distinct bytes.

Two dictionaries go from exact bytes to all that is known of them: one for request lines, one
for blocks of header fields. They hold nothing that a route change could make untrue.
"""

import re
from typing import Final, NamedTuple

from edge.router import address, forwarding, naming
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
    moved,
)
from edge.router.fields import (
    HOP_BY_HOP,
    NO_TOKENS,
    Field,
    Known,
    KnownLines,
    Malformed,
    framing,
    tokens,
)
from edge.router.forwarding import Trusted
from edge.router.ours import AUTHORIZATION, COOKIE, PLAIN, Ours

LONGEST_HEAD: Final = 64 * 1024  # bytes
MOST_FIELDS: Final = 100
CHUNKED: Final = -1  # a length: the body says itself where it ends

_LINE: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([^ ]+) HTTP/([0-9])\.([0-9])")
_METHOD: Final = re.compile(rb"[A-Z][A-Z_-]{0,31}")
_NEVER: Final = frozenset((b"CONNECT", b"TRACE", b"TRACK"))
_USUAL: Final = frozenset((b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"))
_IDEMPOTENT: Final = frozenset((b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"))

_SAFE: Final = frozenset((b"GET", b"HEAD"))
# What the router writes itself, or would be believed because a router wrote it.
_OURS: Final = frozenset(
    (
        b"content-length",
        b"expect",
        b"forwarded",
        b"host",
        b"proxy",  # HTTP_PROXY in CGI: a function's own calls would go there
        b"traceparent",
        b"tracestate",
        b"x-call-id",
        b"x-real-ip",
        b"x-request-id",
    )
)
_TRAILERS: Final = b"TE: trailers\r\nConnection: TE\r\n"  # RFC 9110, 10.1.4
# and those that begin so; the last is what functions are told of who calls
_CLAIMS: Final = (b"x-forwarded-", b"x-original-", b"x-rewrite-", b"x-pushline-")


class Line(NamedTuple):
    """A request line. ``heads`` are the lines to send on, by how many segments are a name."""

    method: str
    shown: str  # the canonical path without its query, for the access log
    authority: bytes  # of an absolute target, canonical
    old: bool  # HTTP/1.0
    idempotent: bool
    head_only: bool
    name: bytes  # the first segment of the path
    second: bytes
    heads: tuple[bytes, bytes, bytes]


class Fields(NamedTuple):
    """A block of header fields. ``onward`` is what goes on, without its last empty line.

    A function gets ``bare`` in its place: ``token`` and ``session``, credentials of ours, are not
    in it.
    """

    host: bytes  # canonical
    name: str  # the same, for the access log
    authority: bytes  # the same, with its port
    length: int  # CHUNKED, or that of Content-Length, 0 without one
    close: bool
    proceed: bool  # Expect: 100-continue
    call_id: bytes  # nothing where we shall make one
    traced: bool  # the caller gave a traceparent
    chain: bytes  # the addresses before a proxy that is believed, nearest last
    caller: str  # the nearest of them that is not a proxy of ours
    tunnel: bool  # Upgrade: websocket
    trailers: bool  # TE: trailers; the upstream is told so, too
    claims: bytes  # the end of Forwarded
    onward: bytes
    bare: bytes
    token: bytes
    session: bytes


# Those of a connection without a request.
NO_LINE: Final = Line("", "", b"", False, False, False, b"", b"", (b"", b"", b""))  # noqa: FBT003
NO_FIELDS: Final = Fields(
    *(b"", "", b"", 0, False, False, b"", False, b"", "", False, False),
    *(b"", b"", b"", b"", b""),
)


def parse_line(raw: bytes) -> Line:
    """Return what a request line says; Refused says why not."""
    found = _LINE.fullmatch(raw)
    if found is None:
        raise Refused(BAD_REQUEST_LINE)
    method, target, major, minor = found.groups()
    if major != b"1" or minor not in b"01":
        raise Refused(BAD_VERSION)
    if method not in _USUAL and (method in _NEVER or not _METHOD.fullmatch(method)):
        raise Refused(BAD_METHOD)
    try:
        authority, path, query = address.split(target)
    except address.NotClean as other:
        raise Refused(moved(other.clean, same_method=method not in _SAFE)) from None
    name, slash, rest = path[1:].partition(b"/")
    second, slash_too, deeper = rest.partition(b"/")
    end = query + b" HTTP/1.1\r\n"
    heads = (
        b"%b %b%b" % (method, path, end),
        b"%b %b%b" % (method, slash + rest or b"/", end),
        b"%b %b%b" % (method, slash_too + deeper or b"/", end),
    )
    return Line(  # by position: this runs for each new path
        method.decode(),
        path.decode(),
        authority,
        minor == b"0",
        method in _IDEMPOTENT,
        method == b"HEAD",
        name,
        second,
        heads,
    )


class FieldParser:
    """Parses blocks of header fields as one router passes them on.

    Two of them where there are proxies that are believed: the same block means less when a caller
    sends it.
    """

    __slots__ = ("_known", "_ours", "_proto", "_trusted", "blocks")

    def __init__(self, proto: str, trusted: Trusted | None = None, ours: Ours = PLAIN) -> None:
        """Tell upstreams that callers came by ``proto``, unless a trusted proxy says otherwise."""
        self._proto = proto.encode()
        self._trusted = trusted
        self._ours = ours
        self._known = KnownLines(HOP_BY_HOP | _OURS, _CLAIMS, ours)
        self.blocks: Known[Fields] = Known()

    def learn(self, block: bytes) -> Fields:
        """Parse a block and remember what it says; raises Refused."""
        fields = self.parse(block)
        self.blocks.keep(block, fields)
        return fields

    def parse(self, block: bytes) -> Fields:
        """Return what a block says, each line ended by CRLF; Refused says why not."""
        lines = block.split(b"\r\n")
        lines.pop()  # what is behind the last CRLF: nothing
        if len(lines) > MOST_FIELDS:
            raise Refused(HEAD_TOO_LARGE)
        try:
            fields, values = self._known.read(lines)
        except Malformed:
            raise Refused(BAD_HEADER) from None
        host, authority = address.authority(_host(values))
        length, framed = _framed(values)
        call_id = naming.given(values)
        trace = naming.trace(values) if b"traceparent" in values else b""
        chain, caller, proto = self._believed(values)
        named = tokens(values[b"connection"]) if b"connection" in values else NO_TOKENS
        begin = b"Host: %b\r\nX-Forwarded-Host: %b\r\nX-Forwarded-Proto: %b\r\n%b%b%b" % (
            *(authority, authority, proto),
            *(framed, naming.ids(call_id), trace),
        )
        passed = [field for field in fields if field.name not in named]
        tunnel = b"upgrade" in named and b"websocket" in tokens(values.get(b"upgrade", ()))
        trailers = not tunnel and b"te" in values and b"trailers" in tokens(values[b"te"])
        end = _TRAILERS if trailers else b""
        onward = b"".join([begin, *(field.onward for field in passed), end])
        return Fields(
            host,
            host.decode(),
            authority,
            length,
            b"close" in named,
            b"expect" in values and _proceed(values),
            call_id,
            bool(trace),
            chain,
            caller,
            tunnel,
            trailers,
            forwarding.claims(authority, proto),
            onward,
            *self._carried(begin, passed, end, onward),
        )

    def _carried(
        self, begin: bytes, passed: list[Field], end: bytes, onward: bytes
    ) -> tuple[bytes, bytes, bytes]:
        """Return what functions get, our token and our session; a line that stays behind is none.

        What is not passed on was not meant for whoever is asked.
        """
        if all(field.bare is field.onward for field in passed):
            return onward, b"", b""
        bare = b"".join([begin, *(field.bare for field in passed), end])
        tokens = tuple(field.value for field in passed if field.name == AUTHORIZATION)
        cookies = tuple(field.value for field in passed if field.name == COOKIE)
        return bare, self._ours.token(tokens), self._ours.session(cookies)

    def _believed(self, values: dict[bytes, list[bytes]]) -> tuple[bytes, str, bytes]:
        """Return (addresses, the caller's, protocol) as a trusted proxy tells them."""
        if self._trusted is None:
            return b"", "", self._proto
        chain = forwarding.chain(values.get(b"x-forwarded-for", ()))
        proto = values.get(b"x-forwarded-proto", [b""])[-1].lower()
        known = proto if proto in (b"http", b"https") else self._proto
        return chain, self._trusted.caller(chain), known


def _host(values: dict[bytes, list[bytes]]) -> bytes:
    hosts = values.get(b"host", ())
    if len(hosts) != 1:
        raise Refused(BAD_HOST)
    return hosts[0]


def _framed(values: dict[bytes, list[bytes]]) -> tuple[int, bytes]:
    """Return the body's length and the header line that says so onward."""
    try:
        length, chunked = framing(values)
    except Malformed:
        raise Refused(BAD_FRAMING) from None
    if chunked:
        return CHUNKED, b"Transfer-Encoding: chunked\r\n"
    return (0, b"") if length is None else (length, b"Content-Length: %d\r\n" % length)


def _proceed(values: dict[bytes, list[bytes]]) -> bool:
    expected = values[b"expect"]
    if len(expected) != 1 or expected[0].lower() != b"100-continue":
        raise Refused(BAD_EXPECTATION)
    return True
