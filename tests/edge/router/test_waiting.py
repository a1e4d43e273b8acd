"""Time, back-pressure and limits: nobody waits for ever, nothing piles up."""

import asyncio
import socket
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import cast

import pytest

from tests.edge.router.conftest import Running, Start
from tests.edge.router.wire import (
    Caller,
    Received,
    calling,
    echo,
    get,
    plain,
    post,
    until,
    upstream,
)

SHORT = 0.6  # seconds


async def never(_: Received, reader: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Take the request, answer nothing."""
    await reader.read()


async def test_a_head_that_does_not_come_is_408(start: Start) -> None:
    """A slow head is answered and hung up on; a connection that says nothing is closed."""
    async with (
        start(header_timeout=SHORT) as running,
        calling(running.port) as slow,
        calling(running.port) as silent,
    ):
        answer = await slow.ask(b"GET /hello HTTP/1.1\r\nHost:")
        assert await silent.ended()
    assert (answer.status, answer.cause) == (408, "request_timeout")


async def test_dripping_bytes_do_not_prolong_a_head(start: Start) -> None:
    """The header's time counts from its first byte, whatever drips after."""
    async with start(header_timeout=SHORT) as running, calling(running.port) as caller:
        begun = time.monotonic()
        answer = asyncio.create_task(caller.answer())
        while not answer.done():
            caller.writer.write(b"G")
            await asyncio.wait([answer], timeout=0.05)
        assert (await answer).status == 408
        assert time.monotonic() - begun < 10


async def test_a_body_that_does_not_come_is_408(start: Start) -> None:
    """A caller that stops in mid body is told so, not the function blamed."""
    async with (
        start(stall_timeout=SHORT, response_timeout=SHORT) as running,
        upstream(running.run / "u.sock", echo),
        calling(running.port) as caller,
    ):
        running.route("hello", "unix:u.sock")
        answer = await caller.ask(post(b"12345")[:-2])
    assert (answer.status, answer.cause) == (408, "request_timeout")


async def test_an_idle_connection_is_closed(start: Start) -> None:
    """Keep-alive ends after its time, without a word."""
    async with (
        start(keep_alive=SHORT) as running,
        upstream(running.run / "u.sock", echo),
        calling(running.port) as caller,
    ):
        running.route("hello", "unix:u.sock")
        assert (await caller.ask(get())).status == 200
        assert await caller.ended()


async def test_a_function_that_does_not_answer_is_504(start: Start) -> None:
    """The cause says who was waited for; the upstream's connection is cut, the caller's stays."""
    async with (
        start(response_timeout=SHORT) as running,
        upstream(running.run / "u.sock", never) as served,
        calling(running.port) as caller,
    ):
        running.route("hello", "unix:u.sock")
        answer = await caller.ask(get())
        again = await caller.ask(get("/nobody"))
        await until(lambda: not served.open)
    assert (answer.status, answer.cause, again.status) == (504, "upstream_timeout", 404)


async def test_a_response_that_stalls_is_cut(start: Start) -> None:
    """A body that stops half way ends with the connection, so that it is not taken for whole."""

    async def half(_: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(plain(b"12345")[:-2])
        await reader.read()

    async with (
        start(stall_timeout=SHORT) as running,
        upstream(running.run / "u.sock", half),
        calling(running.port) as caller,
    ):
        running.route("hello", "unix:u.sock")
        await caller.send(get())
        await caller.head()
        assert await caller.reader.read() == b"123"


async def test_a_slow_caller_that_reads_on_gets_everything(start: Start) -> None:
    """Slow is not stalled: as long as bytes move, the stall's time begins anew."""
    body = bytes(3_000_000)

    async def large(_: Received, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(plain(body))
        await writer.drain()

    async with (
        start(stall_timeout=1.0) as running,
        upstream(running.run / "u.sock", large),
        calling(running.port) as caller,
    ):
        running.route("hello", "unix:u.sock")
        await caller.send(get())
        await caller.head()
        got, begun = 0, time.monotonic()
        while got < len(body):
            got += len(await caller.reader.readexactly(min(150_000, len(body) - got)))
            await asyncio.sleep(0.1)  # the slowness that is tested
        assert time.monotonic() - begun > 1.5


async def test_a_caller_that_reads_nothing_is_cut(start: Start) -> None:
    """A caller that never reads holds its upstream for the stall's time, no longer."""

    async def endless(_: Received, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(bytes(65536))
            await writer.drain()

    with socket.socket() as caller:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        async with (
            start(stall_timeout=SHORT) as running,
            upstream(running.run / "u.sock", endless) as served,
        ):
            running.route("hello", "unix:u.sock")
            caller.connect(("127.0.0.1", running.port))
            caller.sendall(get())
            await until(lambda: bool(served.requests))
            (front,) = running.router.fronts
            await until(lambda: not running.router.fronts)
            assert front.transport.get_write_buffer_size() < 2_000_000
            await until(lambda: not served.open)


async def test_an_upstream_that_reads_nothing_holds_its_caller(start: Start) -> None:
    """The caller is held, memory stays bounded, and in the end it is the function that is late."""
    over = asyncio.Event()

    async def deaf(_: Received, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        cast("asyncio.Transport", writer.transport).pause_reading()
        await over.wait()
        writer.close()

    async with (
        start(stall_timeout=3.0, response_timeout=3.0) as running,
        upstream(running.run / "u.sock", deaf) as served,
        calling(running.port) as caller,
    ):
        running.route("hello", "unix:u.sock")
        caller.writer.write(post(bytes(16_000_000)))
        await until(lambda: any(front.held and front.back for front in running.router.fronts))
        (back,) = [front.back for front in running.router.fronts]
        assert back is not None
        assert back.transport.get_write_buffer_size() < 2_000_000
        answer = await caller.answer()
        over.set()
        await until(lambda: not served.open)
    assert (answer.status, answer.cause) == (504, "upstream_timeout")


async def test_a_refused_connect_is_tried_again(router: Running) -> None:
    """An upstream that is just starting gets the request, whatever its method."""
    router.route("hello", "unix:late.sock")
    async with calling(router.port) as caller:
        asking = asyncio.create_task(caller.ask(post(b"patience")))
        await until(lambda: any(front.dialing for front in router.router.fronts))
        async with upstream(router.run / "late.sock", echo):
            answer = await asking
    assert answer.body == b"POST / patience"


@pytest.mark.parametrize(
    "address", ["unix:nobody.sock", "127.0.0.1:1", "unix:../escape.sock", "unix:", "nonsense"]
)
async def test_nobody_there_is_503(start: Start, address: str) -> None:
    """After some patience the cause says that connections are refused, and when to come again."""
    async with start(connect_patience=0.1) as running, calling(running.port) as caller:
        running.route("hello", address)
        answer = await caller.ask(get())
        again = await caller.ask(get("/nobody"))
    assert (answer.status, answer.cause) == (503, "upstream_refused")
    assert answer.headers["retry-after"] == "1"
    assert again.status == 404


async def test_hanging_up_before_an_answer_is_502(router: Running) -> None:
    """A function that dies on a request gets it once."""

    async def die(_: Received, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with upstream(router.run / "u.sock", die) as served:
        router.route("hello", "unix:u.sock")
        async with calling(router.port) as caller:
            answer = await caller.ask(post(b"x"))
    assert (answer.status, answer.cause, len(served.requests)) == (502, "upstream_closed", 1)


@pytest.mark.parametrize(
    ("request_", "status", "seen"), [(get(), 200, 3), (post(b"x"), 502, 2), (post(b""), 502, 2)]
)
async def test_a_kept_connection_that_just_closed(
    router: Running, request_: bytes, status: int, seen: int
) -> None:
    """Closed as the request came: sent again if that is idempotent, never a POST."""

    async def every_second(
        request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if len(served.requests) == 2:
            writer.close()
            return
        await echo(request, reader, writer)

    async with upstream(router.run / "u.sock", every_second) as served:
        router.route("hello", "unix:u.sock")
        async with calling(router.port) as caller:
            await caller.ask(get())
            answer = await caller.ask(request_)
    assert (answer.status, len(served.requests)) == (status, seen)


async def test_upstream_connections_are_used_again(start: Start) -> None:
    """One after the other share a connection; idle ones are closed before the watchdog does."""
    async with (
        start(upstream_idle=SHORT) as running,
        upstream(running.run / "u.sock", echo) as served,
    ):
        running.route("hello", "unix:u.sock")
        for _ in range(5):
            async with calling(running.port) as caller:
                assert (await caller.ask(post(b"x"))).status == 200
        assert served.connections == 1
        await until(lambda: not served.open)


async def test_connections_over_the_limit_are_told(start: Start) -> None:
    """503 with its cause, then closed; who came first is not disturbed, and places free up."""
    async with (
        start(max_connections=2) as running,
        upstream(running.run / "u.sock", echo),
        calling(running.port) as first,
    ):
        running.route("hello", "unix:u.sock")
        async with calling(running.port) as second:
            assert (await second.ask(get())).status == 200
            async with calling(running.port) as third:
                refused = await third.answer()
                assert await third.ended()
        await until(lambda: len(running.router.fronts) < 2)
        async with calling(running.port) as fourth:
            assert (await fourth.ask(get())).status == 200
        assert (await first.ask(get())).status == 200
    assert (refused.status, refused.cause) == (503, "overloaded")


async def test_draining_ends_what_is_idle_and_waits_for_what_runs(start: Start, run: Path) -> None:
    """At the end new connections are refused, idle ones closed, a running request is finished."""
    go = asyncio.Event()

    async def slow(
        request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await go.wait()
        await echo(request, reader, writer)

    async def finish(idle: Caller, port: int) -> None:
        assert await idle.ended()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        go.set()

    async with AsyncExitStack() as stack, upstream(run / "u.sock", slow) as served:
        async with start(drain_timeout=15.0) as running:
            running.route("hello", "unix:u.sock")
            idle = await stack.enter_async_context(calling(running.port))
            busy = await stack.enter_async_context(calling(running.port))
            asking = asyncio.create_task(busy.ask(get()))
            await until(lambda: bool(served.requests) and len(running.router.fronts) == 2)
            finishing = asyncio.create_task(finish(idle, running.port))
        await finishing
        answer = await asking
    assert answer.status == 200
    assert answer.headers["connection"] == "close"
