"""What goes on for long: events one by one, WebSockets both ways, and the ends of both."""

import asyncio
import os

import pytest

from tests.bench.behind import echo as talk
from tests.bench.behind import frame, message
from tests.edge.router.conftest import Running
from tests.edge.router.wire import Received, Upstream, calling, get, plain, until, upstream

UPGRADE = (
    "Connection: keep-alive, Upgrade",
    "Upgrade: WebSocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


async def websocket(
    request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Echo messages, as a function would."""
    await talk(request.head, reader, writer)


@pytest.mark.weakness(20)
async def test_events_arrive_one_by_one(router: Running) -> None:
    """Nothing waits for more: each event is with the caller before the next one is sent."""
    heard = asyncio.Semaphore(0)

    async def events(_: Received, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for number in range(20):
            event = b"data: %d\n\n" % number
            writer.write(b"%x\r\n%b\r\n" % (len(event), event))
            await asyncio.wait_for(heard.acquire(), 15)
        writer.write(b"0\r\n\r\n")

    async with upstream(router.run / "u.sock", events):
        router.route("hello", "unix:u.sock")
        async with calling(router.port) as caller:
            await caller.send(get("/hello", "Accept: text/event-stream"))
            head = await caller.head()
            for number in range(20):
                event = await asyncio.wait_for(caller.reader.readuntil(b"\n\n"), 15)
                assert event.endswith(b"data: %d\n\n" % number)
                heard.release()
    assert head.headers["content-type"] == "text/event-stream"


async def test_a_listener_that_leaves_ends_its_events(router: Running) -> None:
    """The function hears that nobody listens, and does not send for ever."""

    async def endless(_: Received, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        while not writer.is_closing():
            writer.write(b": still here\n\n")
            await writer.drain()
            await asyncio.sleep(0.01)  # an event now and then

    async with upstream(router.run / "u.sock", endless) as served:
        router.route("hello", "unix:u.sock")
        async with calling(router.port) as caller:
            await caller.send(get())
            await caller.reader.readuntil(b"\n\n")
        await until(lambda: not served.open)


async def test_messages_of_every_size_come_back(router: Running) -> None:
    """A whole WebSocket: the handshake's proof, masked messages up to 64 KiB, many in flight."""
    said = [os.urandom(size) for size in (0, 1, 125, 126, 5_000, 65_535)] * 5
    async with upstream(router.run / "u.sock", websocket) as served:
        router.route("hello", "unix:u.sock")
        async with calling(router.port) as caller:
            answer = await caller.ask(get("/hello/ws", *UPGRADE))
            caller.writer.write(b"".join(frame(one, mask=os.urandom(4)) for one in said))
            async with asyncio.timeout(15):
                heard = [await message(caller.reader) for _ in said]
        await until(lambda: not served.open)
    assert answer.status == 101
    assert answer.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455
    assert heard == said
    assert served.requests[0].headers["sec-websocket-version"] == ["13"]


async def test_a_function_that_ends_its_websocket_ends_the_callers(router: Running) -> None:
    """The caller gets what was said last, then the end."""

    async def leave(
        request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        talking = asyncio.create_task(talk(request.head, reader, writer))
        await asyncio.wait([talking], timeout=0.05)  # the handshake is sent
        talking.cancel()
        writer.write(frame(b"goodbye"))
        writer.close()

    async with upstream(router.run / "u.sock", leave):
        router.route("hello", "unix:u.sock")
        async with calling(router.port) as caller:
            assert (await caller.ask(get("/hello", *UPGRADE))).status == 101
            assert await message(caller.reader) == b"goodbye"
            assert await caller.ended()


async def test_a_refused_upgrade_is_an_answer(router: Running) -> None:
    """A function that does not upgrade answers; the connection is an HTTP one as before."""

    async def refuse(_: Received, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(plain(b"no", "403 Forbidden"))

    async with upstream(router.run / "u.sock", refuse) as served:
        router.route("hello", "unix:u.sock")
        async with calling(router.port) as caller:
            first = await caller.ask(get("/hello", *UPGRADE))
            second = await caller.ask(get())
    assert (first.status, second.status, served.connections) == (403, 403, 1)


async def test_a_preflight_is_the_functions_to_answer(router: Running, hello: Upstream) -> None:
    """OPTIONS goes on like any request, with what a browser asks in it."""
    asked = ("Origin: https://example.com", "Access-Control-Request-Method: PUT")
    async with calling(router.port) as caller:
        answer = await caller.ask(get("/hello/x", *asked).replace(b"GET", b"OPTIONS", 1))

    assert answer.body == b"OPTIONS /x "
    assert hello.requests[0].headers["access-control-request-method"] == ["PUT"]
