"""Calls by grpcio, an independent client, on a server of ours."""

import asyncio
from pathlib import Path

import grpc
import pytest

from consumers.builder.buildkit.http2.errors import Abort, Code
from consumers.builder.buildkit.http2.stream import WINDOW, Stream, framed
from tests.consumers.builder.buildkit.http2.peers import served

MEGABYTE = 1024 * 1024


async def echo(stream: Stream) -> None:
    """Send back whatever comes."""
    while messages := await stream.read_all():
        await stream.write(b"".join(framed(message) for message in messages))


async def test_messages_of_any_size_come_back(tmp_path: Path) -> None:
    """Empty ones, small ones and ones larger than every window."""
    sizes = [0, 1, 5, 16384, 65536, 3 * MEGABYTE, 15 * MEGABYTE, 2]
    async with served(tmp_path, {"/t/echo": echo}, []) as peer:
        call = peer.both("/t/echo")()
        for size in sizes:
            await call.write(b"x" * size)
            answer = await asyncio.wait_for(call.read(), 20)
            assert isinstance(answer, bytes)
            assert len(answer) == size
        await call.done_writing()
        assert await call.code() == grpc.StatusCode.OK


async def test_many_calls_at_once(tmp_path: Path) -> None:
    """Calls share a connection and do not hold one another up."""
    async with served(tmp_path, {"/t/echo": echo}, []) as peer:
        ask = peer.unary("/t/echo")
        bodies = [bytes([number]) * number * 1000 for number in range(100)]
        assert await asyncio.gather(*map(ask, bodies)) == bodies


async def test_headers_of_any_size_arrive(tmp_path: Path) -> None:
    """Thousands of patterns travel as headers of one call, over many frames."""
    patterns = [f"folder-{number}/**/*.txt" for number in range(10_000)]
    heard: list[bytes] = []

    async def hear(stream: Stream) -> None:
        heard.extend(stream.values("exclude-patterns"))
        await stream.write(framed(b""))

    async with served(tmp_path, {"/t/hear": hear}, []) as peer:
        sent = [("exclude-patterns", one) for one in patterns]
        await peer.unary("/t/hear")(b"", metadata=sent)
        await peer.unary("/t/hear")(b"")

    assert [one.decode() for one in heard] == patterns


async def test_a_method_that_is_not_served(tmp_path: Path) -> None:
    """Another method is UNIMPLEMENTED, by its name."""
    async with served(tmp_path, {}, []) as peer:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await peer.unary("/t/none")(b"")

    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert caught.value.details() == "/t/none is not served"


@pytest.mark.parametrize("late", [False, True])
async def test_a_handler_says_no(tmp_path: Path, late: bool) -> None:  # noqa: FBT001 - a column
    """A status and its words arrive whole, at once or after an answer."""
    words = "no access to 'ünïcode' 100% of\nthe time"

    async def refuse(stream: Stream) -> None:
        if late:
            await stream.write(framed(b"some"))
        raise Abort(Code.NOT_FOUND, words)

    async with served(tmp_path, {"/t/refuse": refuse}, []) as peer:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for _ in peer.answers("/t/refuse")(b""):
                pass

    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    assert caught.value.details() == words


async def test_a_handler_that_fails_keeps_its_words(tmp_path: Path) -> None:
    """What a handler raises is told to us and not to the peer."""
    failures: list[Exception] = []

    async def fail(_: Stream) -> None:
        raise LookupError("the password is sesame")

    async with served(tmp_path, {"/t/fail": fail}, failures) as peer:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await peer.unary("/t/fail")(b"")

    assert "sesame" not in repr(caught.value)
    assert [str(one) for one in failures] == ["the password is sesame"]


async def test_a_peer_that_does_not_read_holds_us_up(tmp_path: Path) -> None:
    """A handler waits for its peer, so that nothing piles up, and goes on with it."""
    sent = 0
    done = asyncio.Event()

    async def pour(stream: Stream) -> None:
        nonlocal sent
        for _ in range(64):
            await stream.write(framed(b"x" * MEGABYTE))
            sent += 1
        done.set()

    async with served(tmp_path, {"/t/pour": pour}, []) as peer:
        call = peer.answers("/t/pour")(b"")
        await call.read()
        last = -1
        while sent != last:  # until it no longer goes on by itself
            last = sent
            await asyncio.sleep(0.3)
        held = sent
        while await call.read() is not grpc.aio.EOF:
            pass
        await asyncio.wait_for(done.wait(), 20)

    assert held < 32


async def test_a_handler_that_does_not_read_holds_the_peer_up(tmp_path: Path) -> None:
    """A peer may send one window ahead, and no more until somebody reads."""
    go = asyncio.Event()
    total = 0

    async def sip(stream: Stream) -> None:
        nonlocal total
        await go.wait()
        while message := await stream.read():
            total += len(message)

    async with served(tmp_path, {"/t/sip": sip}, []) as peer:
        call = peer.both("/t/sip")()
        written = 0

        async def pour() -> None:
            nonlocal written
            for _ in range(64):
                await call.write(b"x" * (MEGABYTE // 4))
                written += 1
            await call.done_writing()

        pouring = asyncio.create_task(pour())
        last = -1
        while written != last:
            last = written
            await asyncio.sleep(0.3)
        held = written * (MEGABYTE // 4)
        go.set()
        await asyncio.wait_for(pouring, 20)
        assert await call.code() == grpc.StatusCode.OK

    assert held < 6 * WINDOW
    assert total == 64 * (MEGABYTE // 4)


async def test_a_peer_that_hangs_up(tmp_path: Path) -> None:
    """A handler that waits for a peer hears that it has gone."""
    begun, ended = asyncio.Event(), asyncio.Event()

    async def wait(stream: Stream) -> None:
        begun.set()
        try:
            await stream.read_all()
            await stream.read_all()
        finally:
            ended.set()

    async with served(tmp_path, {"/t/wait": wait}, []) as peer:
        call = peer.both("/t/wait")()
        await call.write(b"one")
        await begun.wait()
        call.cancel()
        await asyncio.wait_for(ended.wait(), 10)
