"""Timers on a real server: told of once, moved, cancelled, and what a killed server makes of it."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal

import pytest

from bus import streams
from bus.connection import Bus, connect
from bus.server import NatsServer
from bus.timers import Due, Timer
from bus.work import Pace
from schemas.errors import Undecodable
from tests.bus.workers import eventually, working


def timer(about: str, seconds: float, purpose: str = "cron-function") -> Timer:
    """Return a timer that is due in so many seconds."""
    at = datetime.now(UTC) + timedelta(seconds=seconds)
    return Timer(purpose=purpose, forge="local", project="alice/hello", about=about, at=at)


class Watch:
    """A worker that notes what is due."""

    durable: ClassVar[str] = "watch"
    reads: ClassVar = (Due,)
    begins: ClassVar[Literal["first", "now"]] = "first"
    places = 4
    pace = Pace(ack_wait=2, progress=0.5, backoff=(0.05,), attempts=3)

    def __init__(self) -> None:
        """Note nothing yet."""
        self.seen: list[Timer] = []

    def key(self, due: Due) -> str:
        """Return the timer."""
        return due.timer.subject

    async def handle(self, due: Due) -> None:
        """Note it."""
        self.seen.append(due.timer)


async def test_each_is_told_of_once_and_not_before(bus: Bus) -> None:
    """Whole as it was set; one whose moment is past at once; what is cancelled never."""
    watch = Watch()
    soon, past, gone = timer("production/a", 0.4), timer("production/b", -60), timer("c", 0.3)
    async with working(bus, watch):
        for each in (soon, past, gone):
            await bus.timers.set(each)
        await bus.timers.cancel(gone)
        await bus.timers.cancel(gone)
        assert set(await bus.timers.list()) <= {soon.key, past.key}
        await eventually(lambda: soon in watch.seen)

    assert datetime.now(UTC) >= soon.at
    assert sorted(each.about for each in watch.seen) == ["production/a", "production/b"]
    assert await bus.timers.list() == {}
    assert await bus.timers.list("due.>") == {soon.key: soon, past.key: past}


async def test_set_again_it_is_moved(bus: Bus) -> None:
    """There is one moment for each timer: the last that was set."""
    watch = Watch()
    first, second = timer("a", 0.3), timer("a", 0.6)
    async with working(bus, watch):
        await bus.timers.set(first)
        await bus.timers.set(second)
        assert await bus.timers.list() == {second.key: second}
        await eventually(lambda: watch.seen)

    assert watch.seen == [second]


async def test_what_is_due_while_the_server_is_down_comes_when_it_is_back(
    server: NatsServer,
) -> None:
    """Killed before its moment and started after: told of at once, whole."""
    init = server.settings("init")
    await streams.init(init)
    async with connect(server.settings("platform"), name="test") as bus:
        watch, due, later = Watch(), timer("a", 0.3), timer("b", 3600, "run-timeout")
        async with working(bus, watch, ensured_by=init):
            await bus.timers.set(due)
            await bus.timers.set(later)
            server.kill()
            await asyncio.to_thread(_until, due.at)
            server.start()
            await eventually(lambda: due in watch.seen, within=20)
        assert await bus.timers.list() == {later.key: later}
    assert set(map(str, watch.seen)) == {str(due)}


def _until(moment: datetime) -> None:
    """Let the moment pass."""
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds() + 0.2))


async def test_many_are_listed(bus: Bus) -> None:
    """More than one batch of the reader; each by its own key."""
    timers = [timer(f"run{number}", 3600, "run-timeout") for number in range(300)]
    await asyncio.gather(*(bus.timers.set(each) for each in timers))

    assert await bus.timers.list() == {each.key: each for each in timers}


async def test_what_is_no_timer_is_an_error(bus: Bus) -> None:
    """A message of another shape is given up, and blocks none behind it."""
    watch, good = Watch(), timer("a", -1)
    async with working(bus, watch):
        await bus.js.publish("timer.x", b"{}", {"Nats-Schedule": "@at 2020-01-01T00:00:00Z",
                                                "Nats-Schedule-Target": "due.x"})  # fmt: skip
        await bus.timers.set(good)
        await eventually(lambda: watch.seen == [good])
        async with asyncio.timeout(10):
            while not (letters := await bus.deadletters.list()):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    assert [(letter.consumer, letter.code) for letter in letters] == [("watch", Undecodable.code)]


def test_a_due_timer_s_id_tells_timer_and_moment() -> None:
    """What is written because of it is written once for each moment."""
    at = datetime(2026, 11, 25, 12, 5, tzinfo=UTC)
    made = Timer(purpose="cron-function", forge="local", project="a/b", about="production/x", at=at)

    assert (
        Due(made, 7).event_id == "timer:cron-function:local:a/b:production/x:2026-11-25T12:05:00Z"
    )
    assert Due(made, 8).event_id == Due(made, 7).event_id


@pytest.mark.parametrize("about", ["production/a b", "x" * 200, "ä.*>"])
async def test_any_name_is_one_timer(bus: Bus, about: str) -> None:
    """Names become tokens of a subject; long ones are shortened, and told whole."""
    made = timer(about, 3600)
    await bus.timers.set(made)

    assert (await bus.timers.list())[made.key] == made
