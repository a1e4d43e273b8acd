"""Several replicas of a route: least outstanding first, and none of them missed when it dies."""

import asyncio
import time
from contextlib import AsyncExitStack

import pytest

from edge.router.replicas import Health
from schemas.route import RouteOptions
from tests.edge.router.conftest import Running
from tests.edge.router.wire import (
    Received,
    Upstream,
    calling,
    echo,
    get,
    plain,
    post,
    until,
    upstream,
)

CALLERS = 16


class Named:
    """Answers with its name, quickly."""

    def __init__(self, name: bytes) -> None:
        """Serve as ``name``; hold requests while ``held`` is not set."""
        self.name = name
        self.held = asyncio.Event()
        self.held.set()

    async def __call__(
        self, request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer."""
        await reader.readexactly(int(request.headers.get("content-length", ["0"])[0]))
        await self.held.wait()
        writer.write(plain(self.name))


async def hang_up(_: Received, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close without a word, as a process does that dies."""
    writer.transport.abort()


async def never(_: Received, reader: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Answer nothing."""
    await reader.read()


async def test_who_has_least_to_do_gets_the_next_request(router: Running) -> None:
    """One that is slow gets no more than it has; those as free take turns."""
    one, two = Named(b"one"), Named(b"two")
    async with (
        upstream(router.run / "1.sock", one),
        upstream(router.run / "2.sock", two),
        AsyncExitStack() as stack,
    ):
        router.route("hello", "unix:1.sock", "unix:2.sock")
        callers = [await stack.enter_async_context(calling(router.port)) for _ in range(5)]
        turns = {(await callers[0].ask(get())).body for _ in range(4)}
        one.held.clear()
        first, second = (asyncio.create_task(caller.ask(get())) for caller in callers[:2])
        await until(lambda: first.done() or second.done())
        answers = [(await caller.ask(get())).body for caller in callers[2:] for _ in range(5)]
        one.held.set()
        await asyncio.gather(first, second)

    assert turns == {b"one", b"two"}
    assert set(answers) == {b"two"}


async def call(port: int, done: asyncio.Event, seen: list[tuple[int, bytes]]) -> None:
    """Call until done, over one connection."""
    async with calling(port) as caller:
        while not done.is_set():
            answer = await caller.ask(get())
            seen.append((answer.status, answer.body))


async def die(served: Upstream, router: Running, name: str) -> None:
    """End an upstream as a killed process ends: its connections reset, its socket refusing."""
    assert served.server is not None
    served.handler = hang_up
    served.server.close()
    for back in [b for front in router.router.fronts if (b := front.back) is not None]:
        if back.upstream.address == f"unix:{name}":
            back.transport.abort()


async def test_one_dies_under_load_and_comes_back(router: Running) -> None:
    """No GET fails; what comes back is found by itself, and gets its share again."""
    seen: list[tuple[int, bytes]] = []
    done = asyncio.Event()
    async with upstream(router.run / "1.sock", Named(b"one")), AsyncExitStack() as stack:
        dying = await stack.enter_async_context(upstream(router.run / "2.sock", Named(b"two")))
        router.route("hello", "unix:1.sock", "unix:2.sock")
        callers = [asyncio.create_task(call(router.port, done, seen)) for _ in range(CALLERS)]
        await until(lambda: len({body for _, body in seen}) == 2)
        await die(dying, router, "2.sock")
        mark = len(seen)
        await until(lambda: len(seen) > mark + 500)
        alone = {body for _, body in seen[mark + 100 :]}
        (router.run / "2.sock").unlink(missing_ok=True)
        await stack.enter_async_context(upstream(router.run / "2.sock", Named(b"back")))
        await until(lambda: seen[-1][1] == b"back")
        done.set()
        await asyncio.gather(*callers)

    assert {status for status, _ in seen} == {200}
    assert alone == {b"one"}


@pytest.mark.parametrize("request_", [get(), post(b"x" * 10)])
async def test_one_that_refuses_is_passed_over_at_once(router: Running, request_: bytes) -> None:
    """Nothing was sent, so that any method goes to the other, without a pause."""
    async with upstream(router.run / "2.sock", Named(b"two")), calling(router.port) as caller:
        router.route("hello", "unix:gone.sock", "unix:2.sock")
        begun = time.monotonic()
        answers = [await caller.ask(request_) for _ in range(10)]
        took = time.monotonic() - begun

    assert {answer.body for answer in answers} == {b"two"}
    assert took < 1.0


async def test_a_post_that_may_have_been_done_is_not_sent_again(router: Running) -> None:
    """Hung up on after it was sent: 502, for the other must not do it twice."""
    async with (
        upstream(router.run / "1.sock", hang_up) as one,
        upstream(router.run / "2.sock", hang_up) as two,
        calling(router.port) as caller,
    ):
        router.route("hello", "unix:1.sock", "unix:2.sock")
        answer = await caller.ask(post(b"x"))

    assert (answer.status, answer.cause) == (502, "upstream_closed")
    assert len(one.requests) + len(two.requests) == 1


async def test_where_all_hang_up_the_caller_is_told_soon(router: Running) -> None:
    """A GET that kills whoever gets it is not passed round for ever."""
    async with (
        upstream(router.run / "1.sock", hang_up) as one,
        upstream(router.run / "2.sock", hang_up) as two,
        calling(router.port) as caller,
    ):
        router.route("hello", "unix:1.sock", "unix:2.sock")
        answer = await caller.ask(get())

    assert (answer.status, answer.cause) == (502, "upstream_closed")
    assert 2 <= len(one.requests) + len(two.requests) <= 3


async def test_one_that_does_not_answer_in_time_is_left_out(router: Running) -> None:
    """Its request fails; the next ones go to the other."""
    async with (
        upstream(router.run / "1.sock", never),
        upstream(router.run / "2.sock", Named(b"two")),
        calling(router.port) as caller,
    ):
        options = RouteOptions(response_seconds=0.1)
        router.route("hello", "unix:1.sock", "unix:2.sock", options=options)
        answers = [await caller.ask(get()) for _ in range(6)]

    assert sorted(answer.status for answer in answers)[:5] == [200] * 5
    assert sum(answer.status == 504 for answer in answers) <= 1


async def test_all_replicas_gone_are_waited_for(router: Running) -> None:
    """None of two sockets is there yet: the first that comes gets the request."""
    router.route("hello", "unix:1.sock", "unix:2.sock")
    async with calling(router.port) as caller:
        asking = asyncio.create_task(caller.ask(post(b"x")))
        await until(lambda: any(front.dialing for front in router.router.fronts))
        async with upstream(router.run / "2.sock", echo):
            answer = await asking

    assert answer.status == 200


def test_pauses_grow_and_end() -> None:
    """Half a second, then twice as long each time, never over half a minute; one answer heals."""
    health, pauses = Health(), list[float]()
    for _ in range(12):
        for _ in range(9):  # what was under way fails too, and does not count
            health.failed()
        pauses.append(round(health.until - time.monotonic(), 1))
        health.until = 0.0
    health.answered()

    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses[-1] == 30.0
    assert health.failures == 0
