"""Memory: what a connection held is free once it is gone, and no collection has to find it."""

import asyncio
import gc
from collections import Counter

import pytest

from edge.router.back import Back
from edge.router.front import Front
from tests.edge.router.conftest import Running
from tests.edge.router.wire import Received, Upstream, calling, echo, get, post, until, upstream


async def endless(_: Received, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer without an end."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while not writer.is_closing():
        writer.write(b": on and on\n\n")
        await writer.drain()
        await asyncio.sleep(0.01)  # a slow stream


def left_behind() -> Counter[str]:
    """Return how many connections of either side are still in memory, by kind."""
    return Counter(type(one).__name__ for one in gc.get_objects() if isinstance(one, Back | Front))


@pytest.mark.parametrize("after", [0.0, 0.001, 0.05])
async def test_callers_that_leave_leave_nothing_behind(router: Running, after: float) -> None:
    """Gone while the upstream is dialled, while it answers, in mid body: no circle stays."""
    gc.collect()
    before = left_behind()
    gc.disable()
    try:
        async with upstream(router.run / "u.sock", endless) as served:
            router.route("hello", "unix:u.sock")
            for number in range(60):
                async with calling(router.port) as caller:
                    caller.writer.write(get() if number % 2 else post(b"x" * 10)[:-5])
                    await asyncio.sleep(after * number / 60)
            await until(lambda: not router.router.fronts and not served.open)
        await until(lambda: left_behind() - before == Counter())
    finally:
        gc.enable()


async def test_served_connections_leave_nothing_behind(router: Running) -> None:
    """The same where all went well: idle ones to the upstream are what stays, for a while."""
    gc.collect()
    before = left_behind()
    gc.disable()
    try:
        async with upstream(router.run / "u.sock", echo):
            router.route("hello", "unix:u.sock")
            for _ in range(60):
                async with calling(router.port) as caller:
                    await caller.ask(post(b"x"))
            router.router.table.apply("alice/production/hello", None)
            await until(lambda: left_behind() - before == Counter())
    finally:
        gc.enable()


async def test_a_dial_that_is_given_up_leaves_nothing_behind(
    router: Running, hello: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connected, and the caller gone before anybody could be told: uvloop says nothing then."""
    made = Back.connection_made

    def leaving(back: Back, transport: asyncio.BaseTransport) -> None:
        made(back, transport)
        (front,) = router.router.fronts
        front.abort()

    gc.collect()
    before = left_behind()
    gc.disable()
    try:
        monkeypatch.setattr(Back, "connection_made", leaving)
        async with calling(router.port) as caller:
            await caller.send(get())
            assert await caller.ended()
        await until(lambda: left_behind() - before == Counter())
    finally:
        gc.enable()
    assert hello.requests == []
