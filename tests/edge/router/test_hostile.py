"""Hostile bytes: refused at once, and the upstream saw nothing of them."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.router import address
from edge.router.causes import Refused
from edge.router.chunked import BadChunk, Chunked
from tests.edge.router.conftest import Running
from tests.edge.router.wire import Upstream, calling, get, post, until

HOST = b"Host: alice.localhost\r\n"
LINE = b"GET /hello HTTP/1.1\r\n"
POST = b"POST /hello HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

CORPUS: dict[str, tuple[bytes, int]] = {
    "two lengths": (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    "two equal lengths": (POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
    "a list of lengths": (POST + b"Content-Length: 1, 1\r\n\r\na", 400),
    "signed length": (POST + b"Content-Length: +1\r\n\r\na", 400),
    "negative length": (POST + b"Content-Length: -1\r\n\r\na", 400),
    "hexadecimal length": (POST + b"Content-Length: 0x1\r\n\r\na", 400),
    "empty length": (POST + b"Content-Length: \r\n\r\n", 400),
    "length without end": (POST + b"Content-Length: 9999999999999999999\r\n\r\na", 400),
    "length and coding": (
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "two codings": (POST + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n", 400),
    "gzip, chunked": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
    "identity": (POST + b"Transfer-Encoding: identity\r\n\r\n", 400),
    "chunked in quotes": (POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n', 400),
    "chunked by vertical tab": (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    "space before colon": (POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    "folded header": (LINE + HOST + b"X-A: 1\r\n 2\r\n\r\n", 400),
    "folded first header": (LINE + b" X-A: 1\r\n" + HOST + b"\r\n", 400),
    "bare LF after the line": (b"GET /hello HTTP/1.1\n" + HOST + b"\r\n", 400),
    "bare LF in a header": (LINE + b"X-A: 1\n" + HOST + b"\r\n", 400),
    "bare LF all over": (b"GET /hello HTTP/1.1\nHost: alice.localhost\n\n", 400),
    "bare CR in a value": (LINE + HOST + b"X-A: 1\r2\r\n\r\n", 400),
    "NUL in a value": (LINE + HOST + b"X-A: 1\x002\r\n\r\n", 400),
    "NUL in a name": (LINE + HOST + b"X-\x00A: 1\r\n\r\n", 400),
    "control byte": (LINE + HOST + b"X-A: \x1b[31m\r\n\r\n", 400),
    "no colon": (LINE + HOST + b"nonsense\r\n\r\n", 400),
    "no name": (LINE + HOST + b": value\r\n\r\n", 400),
    "two hosts": (LINE + HOST + b"Host: bob.localhost\r\n\r\n", 400),
    "the same host twice": (LINE + HOST + HOST + b"\r\n", 400),
    "no host": (LINE + b"\r\n", 400),
    "no host, HTTP/1.0": (b"GET /hello HTTP/1.0\r\n\r\n", 400),
    "empty host": (LINE + b"Host: \r\n\r\n", 400),
    "host with a path": (LINE + b"Host: alice.localhost/x\r\n\r\n", 400),
    "host with a user": (LINE + b"Host: bob@alice.localhost\r\n\r\n", 400),
    "host with a space": (LINE + b"Host: alice .localhost\r\n\r\n", 400),
    "list of hosts": (LINE + b"Host: alice.localhost, bob.localhost\r\n\r\n", 400),
    "host with two dots": (LINE + b"Host: alice..localhost\r\n\r\n", 400),
    "host with a word for a port": (LINE + b"Host: alice.localhost:http\r\n\r\n", 400),
    "another host in the target": (
        b"GET http://bob.localhost/hello HTTP/1.1\r\n" + HOST + b"\r\n",
        400,
    ),
    "a user in the target": (
        b"GET http://x@alice.localhost/hello HTTP/1.1\r\n" + HOST + b"\r\n",
        400,
    ),
    "another scheme": (b"GET file://alice.localhost/hello HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "CONNECT": (b"CONNECT alice.localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "authority form": (b"GET alice.localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "asterisk form": (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "TRACE": (b"TRACE /hello HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "lower-case method": (b"get /hello HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "no method": (b" /hello HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "HTTP/0.9": (b"GET /hello\r\n\r\n", 400),
    "HTTP/1.2": (b"GET /hello HTTP/1.2\r\n" + HOST + b"\r\n", 505),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "two spaces": (b"GET  /hello HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a tab for a space": (b"GET\t/hello HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "space in the target": (b"GET /hel lo HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "space after the version": (b"GET /hello HTTP/1.1 \r\n" + HOST + b"\r\n", 400),
    "high bytes in the target": (b"GET /hell\xc3\xb6 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "HTTP/1.0, chunked": (
        b"POST /hello HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "unknown expectation": (POST + b"Content-Length: 1\r\nExpect: 200-ok\r\n\r\na", 417),
    "head over 64 KiB": (LINE + HOST + b"X-A: " + b"a" * 70_000 + b"\r\n\r\n", 431),
    "head over 64 KiB that never ends": (LINE + HOST + b"X-A: " + b"a" * 70_000, 431),
    "over 100 headers": (LINE + HOST + b"X-A: 1\r\n" * 101 + b"\r\n", 431),
    "chunk extension": (CHUNKED + b"1;a=b\r\nx\r\n0\r\n\r\n", 400),
    "chunk size with a sign": (CHUNKED + b"+1\r\nx\r\n0\r\n\r\n", 400),
    "chunk size with 0x": (CHUNKED + b"0x1\r\nx\r\n0\r\n\r\n", 400),
    "chunk size with a space": (CHUNKED + b"1 \r\nx\r\n0\r\n\r\n", 400),
    "chunk size over 64 bits": (CHUNKED + b"1" + b"0" * 16 + b"\r\nx\r\n", 400),
    "empty chunk size": (CHUNKED + b"\r\nx\r\n0\r\n\r\n", 400),
    "chunk ended by LF": (CHUNKED + b"1\nx\r\n0\r\n\r\n", 400),
    "chunk longer than its size": (CHUNKED + b"1\r\nxy\r\n0\r\n\r\n", 400),
    "bad trailer": (CHUNKED + b"1\r\nx\r\n0\r\nbad trailer\r\n\r\n", 400),
    "CRLF before the line": (b"\r\n\r\n" + get(), 400),
}
PATHS = [
    "/hello/../x", "/hello/..", "/..", "/hello/./x", "/.", "/hello/%2e%2e/x", "/hello/.%2E",
    "/hello/..;/x", "/hello/..%2fx", "/hello/x%2f..%2fy", "/hello/..%5cx", "/hello\\..\\x",
    "//hello", "/hello//x", "//bob.localhost/hello", "/hello/%2f", "/hello%2fx", "/%2fhello",
    "/hello%5cx", "/hello/%00", "/hello/%0d%0aX-A:1", "/hello/%7f", "/hello/%zz", "/hello/%2",
    "/hello/%", "/hello/%%341", "/hello#x", "/hello?x#y",
]  # fmt: skip


@pytest.mark.parametrize("name", CORPUS)
async def test_malformed_request_ends_at_the_router(
    router: Running, hello: Upstream, name: str
) -> None:
    """The caller is told and hung up on; what it smuggles behind is never read as a request."""
    raw, status = CORPUS[name]
    async with calling(router.port) as caller:
        answer = await caller.ask(raw + get("/hello/smuggled"))

        assert (answer.status, answer.headers["connection"]) == (status, "close")
        assert answer.cause.startswith(("bad_", "head_"))
        assert await caller.ended()
    assert hello.requests == []


@pytest.mark.parametrize("path", PATHS)
async def test_path_without_canonical_form_is_refused(
    router: Running, hello: Upstream, path: str
) -> None:
    """Whatever two readers could understand in two ways is 400."""
    async with calling(router.port) as caller:
        answer = await caller.ask(get(path))

    assert (answer.status, answer.cause) == (400, "bad_target")
    assert hello.requests == []


@pytest.mark.parametrize("name", ["two lengths", "bare LF in a header", "chunk extension"])
async def test_malformed_byte_by_byte(router: Running, hello: Upstream, name: str) -> None:
    """The same is found however the bytes are cut."""
    raw, status = CORPUS[name]
    async with calling(router.port) as caller:
        for byte in raw:
            caller.writer.write(bytes((byte,)))
            await asyncio.sleep(0)  # each in a read of its own, as far as the kernel lets us
        answer = await caller.answer()

    assert answer.status == status
    assert [request for request in hello.requests if "chunk" not in name] == []


async def test_malformed_chunk_late_in_a_body_cuts_the_upstream_off(
    router: Running, hello: Upstream
) -> None:
    """A body that goes wrong never ends for the upstream: it can't be taken for whole."""
    async with calling(router.port) as caller:
        await caller.send(CHUNKED + b"5\r\nhello\r\n")
        await until(lambda: bool(hello.requests))
        answer = await caller.ask(b"zz\r\n")
        again = hello.open

    assert (answer.status, answer.cause) == (400, "bad_chunk")
    assert again <= 1
    async with calling(router.port) as caller:
        assert (await caller.ask(post(b"x"))).body == b"POST / x"


async def test_fields_that_a_cgi_reads_as_ours_are_dropped(
    router: Running, hello: Upstream
) -> None:
    """A classic function gets Http_X_Call_Id of either spelling: ours alone may arrive."""
    forged = ("Content_Length: 5", "Transfer_Encoding: chunked", "X_Call_Id: 1", "X_Mine: 1")
    async with calling(router.port) as caller:
        await caller.ask(get("/hello", *forged))

    named = {name for name in hello.requests[0].headers if "_" in name}
    assert named == {"x_mine"}


async def test_upgrade_to_anything_else_is_not_passed_on(router: Running, hello: Upstream) -> None:
    """h2c would carry requests past the router."""
    async with calling(router.port) as caller:
        await caller.ask(get("/hello", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"))

    assert not {"upgrade", "connection"} & set(hello.requests[0].headers)


PATH = st.lists(
    st.sampled_from(["/", ".", "..", "%2e", "%2F", "%5C", "%00", "%41", "%zz", "a", "~", ";", "\\",
                     "//", "%252e", "?", "#", "%", "é", " "]),
    max_size=8,
).map(lambda parts: "/hello" + "".join(parts))  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(path=PATH)
async def test_what_was_routed_is_what_arrives(router: Running, hello: Upstream, path: str) -> None:
    """Fuzz: the path decided on and the one received are the same bytes, canonical, or neither."""
    hello.requests.clear()
    raw = path.encode("latin-1")
    async with calling(router.port) as caller:
        answer = await caller.ask(b"GET %b HTTP/1.1\r\nHost: alice.localhost\r\n\r\n" % raw)

    if answer.status != 200:
        assert (answer.status in (400, 404), hello.requests) == (True, [])
        return
    _, canonical, query = address.split(raw)
    received = hello.requests[0].target.encode()
    assert received == (canonical.removeprefix(b"/hello") or b"/") + query
    assert address.path(canonical) == canonical  # a fixed point: reading it again changes nothing
    assert b"/../" not in received.partition(b"?")[0].replace(b"%2F", b"/") + b"/"


@given(st.binary(max_size=40))
def test_a_host_is_canonical_or_refused(raw: bytes) -> None:
    """Fuzz: reading the canonical host again changes nothing."""
    try:
        host = address.host(raw)
    except Refused:
        return
    assert address.host(host) == host == host.lower()


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    trailers=st.sampled_from([b"", b"X-A: 1\r\n", b"X-A: 1\r\nX-B: 2\r\n"]),
    cuts=st.lists(st.integers(0, 300), max_size=12),
    payload_only=st.booleans(),
)
def test_chunks_end_where_they_end(
    *, chunks: list[bytes], trailers: bytes, cuts: list[int], payload_only: bool
) -> None:
    """Fuzz: however a body is cut, the same passes, without trailers, and what follows stays."""
    coded = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    whole = coded + b"0\r\n" + trailers + b"\r\n" + b"GET / next"
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    body, passed, used = Chunked(payload_only=payload_only), b"", 0

    for start, end in pairwise(edges):
        if not body.done:
            out, taken = body.feed(whole[start:end])
            passed += out
            used += taken

    assert body.done
    assert passed == (b"".join(chunks) if payload_only else coded + b"0\r\n\r\n")
    assert whole[used:] == b"GET / next"


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_chunks_or_refused(raw: bytes) -> None:
    """Fuzz: nothing but BadChunk comes out, and nothing that was not understood passes."""
    body = Chunked()
    try:
        passed, used = body.feed(raw)
    except BadChunk:
        return
    assert raw.startswith(passed) or b"\r\n0" in b"\r\n" + raw
    assert used <= len(raw)
