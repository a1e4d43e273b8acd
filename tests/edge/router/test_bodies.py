"""Bodies and responses of every shape, both ways."""

import asyncio
from typing import NamedTuple

import pytest

from tests.edge.router.conftest import Running
from tests.edge.router.wire import (
    Handler,
    Received,
    Upstream,
    calling,
    get,
    plain,
    post,
    until,
    upstream,
)


def saying(raw: bytes, *, close: bool = False) -> Handler:
    """Return a handler that answers any request with these bytes."""

    async def answer(_: Received, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        if close:
            writer.close()

    return answer


async def test_bodies_arrive_whole(router: Running, hello: Upstream) -> None:
    """By length, chunked, with trailers (dropped), on one connection, also in the same packet."""
    chunked = (
        b"PUT /hello HTTP/1.1\r\nHost: alice.localhost\r\nTransfer-Encoding: Chunked\r\n\r\n"
        b"3\r\nabc\r\n0A\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n"
    )
    async with calling(router.port) as caller:
        await caller.send(post(b"one") + chunked + get() + post(b"") + post(b"two"))
        bodies = [(await caller.answer()).body for _ in range(5)]

    assert bodies == [b"POST / one", b"PUT / abc0123456789", b"GET / ", b"POST / ", b"POST / two"]
    assert hello.connections == 1


SUMMED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
    b"3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n"
)


@pytest.mark.parametrize(
    ("te", "end"),
    [
        ("TE: trailers", b"X-Sum: 7\r\n"),
        ("te: gzip;q=0.5, Trailers", b"X-Sum: 7\r\n"),
        ("TE: gzip", b""),
        ("", b""),
    ],
)
async def test_trailers_reach_who_asked_for_them(router: Running, te: str, end: bytes) -> None:
    """RFC 9110, 6.5.1: whoever said TE: trailers gets them, and the upstream is told so."""
    async with (
        upstream(router.run / "fn-1.sock", saying(SUMMED)) as summing,
        calling(router.port) as caller,
    ):
        router.route("hello", "unix:fn-1.sock")
        await caller.send(get("/hello", *filter(None, [te])))
        head = await caller.reader.readuntil(b"\r\n\r\n")
        body = await caller.reader.readexactly(len(b"3\r\nabc\r\n0\r\n" + end + b"\r\n"))

    assert b"Trailer: X-Sum\r\n" in head
    assert body == b"3\r\nabc\r\n0\r\n" + end + b"\r\n"
    told = summing.requests[0].headers
    assert (told.get("te"), told.get("connection")) == (
        (["trailers"], ["TE"]) if end else (None, None)
    )


async def test_a_thousand_requests_ahead_are_answered_in_order(
    router: Running, hello: Upstream
) -> None:
    """Pipelining is serialised; the router's own answers among them take their turn."""
    async with calling(router.port) as caller:
        sent = [get(f"/hello/{n}") if n % 3 else get("/nobody") for n in range(1000)]
        sending = asyncio.create_task(caller.send(b"".join(sent)))
        answers = [await caller.answer() for _ in sent]
        await sending

    assert [one.status for one in answers] == [200 if n % 3 else 404 for n in range(1000)]
    assert [request.target for request in hello.requests] == [f"/{n}" for n in range(1000) if n % 3]


class Said(NamedTuple):
    """What an upstream says, and what the caller is to get."""

    raw: bytes
    status: int = 200
    body: bytes = b""
    method: str = "GET"
    stays: bool = True  # the caller's connection


SAID = {
    "204": Said(b"HTTP/1.1 204 No Content\r\n\r\n", 204),
    "204, chunked": Said(b"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n", 204),
    "304 with a length": Said(b"HTTP/1.1 304 Not\r\nContent-Length: 5\r\n\r\n", 304),
    "HEAD": Said(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", method="HEAD"),
    "HEAD with a body": Said(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", method="HEAD"),
    "HEAD, chunked": Said(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", method="HEAD"),
    "empty": Said(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    "no reason": Said(b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", body=b"x"),
    "close after": Said(
        b"HTTP/1.1 299 Odd\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx", 299, b"x"
    ),
    "HTTP/1.0": Said(b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", body=b"x"),
    "chunked": Said(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-T: 1\r\n\r\n",
        body=b"x",
    ),
    "until close": Said(b"HTTP/1.1 200 OK\r\n\r\nto the end", body=b"to the end", stays=False),
    "HTTP/1.0, until close": Said(b"HTTP/1.0 200 OK\r\n\r\nto", body=b"to", stays=False),
}


@pytest.mark.parametrize("name", SAID)
async def test_responses_keep_their_meaning(router: Running, name: str) -> None:
    """Without a body, by length, chunked, until close: the caller's connection stays if it can."""
    said = SAID[name]
    request = get().replace(b"GET", said.method.encode(), 1)
    async with upstream(router.run / "u.sock", saying(said.raw, close=not said.stays)):
        router.route("hello", "unix:u.sock")
        async with calling(router.port) as caller:
            answer = await caller.ask(request)
            assert (answer.status, answer.body) == (said.status, said.body)
            if said.stays:
                assert (await caller.ask(request)).status == said.status
            else:
                assert answer.headers["connection"] == "close"
                assert await caller.ended()


async def test_what_comes_before_a_response_is_passed_on(router: Running) -> None:
    """103 reaches the caller, a 100 that nobody waits for does not."""
    raw = (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
    )
    async with upstream(router.run / "u.sock", saying(raw)):
        router.route("hello", "unix:u.sock")
        async with calling(router.port) as caller:
            early = await caller.ask(get())
            answer = await caller.answer()
    assert (early.status, early.headers["link"]) == (103, "</a>")
    assert (answer.status, answer.body) == (200, b"x")


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000,
    ],
)
async def test_a_response_that_is_not_http_is_502(router: Running, raw: bytes) -> None:
    """What an upstream says wrongly is not handed on; the cause names it."""
    async with upstream(router.run / "u.sock", saying(raw)):
        router.route("hello", "unix:u.sock")
        async with calling(router.port) as caller:
            answer = await caller.ask(get())
    assert (answer.status, answer.cause) == (502, "upstream_invalid")


async def test_more_than_was_promised_is_cut(router: Running) -> None:
    """Bytes behind a response never reach the next caller."""
    raw = (
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    )
    async with upstream(router.run / "u.sock", saying(raw)) as served:
        router.route("hello", "unix:u.sock")
        async with calling(router.port) as caller:
            bodies = [(await caller.ask(get())).body for _ in range(3)]
    assert (bodies, served.connections) == ([b"x"] * 3, 3)


async def test_http_1_0_callers_get_plain_bodies(router: Running) -> None:
    """A chunked response is unwrapped for HTTP/1.0, and ended by close."""
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n2\r\n!!\r\n0\r\n\r\n"
    async with upstream(router.run / "u.sock", saying(raw)):
        router.route("hello", "unix:u.sock")
        async with calling(router.port) as caller:
            answer = await caller.ask(b"GET /hello HTTP/1.0\r\nHost: alice.localhost\r\n\r\n")
    assert (answer.status, answer.body) == (200, b"hello!!")
    assert "transfer-encoding" not in answer.headers


async def test_connection_close_is_honoured(router: Running, hello: Upstream) -> None:
    """A caller that asks for the end gets it, and is told."""
    async with calling(router.port) as caller:
        answer = await caller.ask(get("/hello", "Connection: close"))
        assert answer.headers["connection"] == "close"
        assert await caller.ended()
    assert hello.requests


async def test_expect_is_answered_once_there_is_somebody_to_read(
    router: Running, hello: Upstream
) -> None:
    """100 comes when the upstream is connected; where nobody is, the body is never asked for."""
    head = post(b"12345", "/hello", "Expect: 100-continue")[:-5]
    async with calling(router.port) as caller:
        go = await caller.ask(head)
        answer = await caller.ask(b"12345")
    async with calling(router.port) as caller:
        nobody = await caller.ask(head.replace(b"/hello", b"/nobody"))

    assert (go.status, answer.body, nobody.status) == (100, b"POST / 12345", 404)
    assert "expect" not in hello.requests[0].headers


async def test_an_early_answer_reaches_a_caller_that_still_sends(router: Running) -> None:
    """413 before the body ended: passed on with Connection: close, not lost in a reset."""
    refusal = plain(b"too large", "413 Content Too Large")
    async with upstream(router.run / "u.sock", saying(refusal, close=True)):
        router.route("hello", "unix:u.sock")
        async with calling(router.port) as caller:
            caller.writer.write(post(b"x" * 4_000_000))
            answer = await caller.answer()
    assert (answer.status, answer.body) == (413, b"too large")
    assert answer.headers["connection"] == "close"


async def test_a_cut_response_is_seen_to_be_cut(router: Running) -> None:
    """An upstream that dies in mid body: the caller gets less than was promised, then the end."""
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"
    async with upstream(router.run / "u.sock", saying(raw, close=True)):
        router.route("hello", "unix:u.sock")
        async with calling(router.port) as caller:
            await caller.send(get())
            head = await caller.head()
            assert head.headers["content-length"] == "100"
            assert await caller.reader.read() == b"only this"


@pytest.mark.weakness(20)
async def test_a_caller_that_leaves_cancels_the_upstream(router: Running) -> None:
    """The upstream's connection ends with its caller's, counted as 499."""
    gone = asyncio.Event()

    async def wait(_: Received, reader: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
        finally:
            gone.set()

    async with upstream(router.run / "u.sock", wait) as served:
        router.route("hello", "unix:u.sock")
        async with calling(router.port) as caller:
            await caller.send(get())
            await until(lambda: bool(served.requests))
        await asyncio.wait_for(gone.wait(), 15)
    assert router.router.counters.statuses[4] == 1


async def test_a_websocket_is_passed_through(router: Running) -> None:
    """After 101 bytes go both ways as they are, until one side ends."""

    async def socket(
        request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        assert request.headers["upgrade"] == ["websocket"]
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Accept: x\r\n\r\nfirst"
        )
        writer.write(await reader.readexactly(4))
        await writer.drain()
        writer.close()

    async with upstream(router.run / "u.sock", socket):
        router.route("hello", "unix:u.sock")
        async with calling(router.port) as caller:
            upgrade = ("Connection: keep-alive, Upgrade", "Upgrade: websocket")
            answer = await caller.ask(get("/hello", *upgrade) + b"ping")
            rest = await caller.reader.read()
    assert (answer.status, answer.headers["upgrade"], rest) == (101, "websocket", b"firstping")
