"""A worker with lanes against a real server: a flood of one account delays no other."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

from bus import instruments
from bus.connection import Bus
from bus.work import BATCH, Pace
from schemas.envelope import Recorded
from schemas.events.run import RunBuildStarted
from schemas.tenants import account
from tests.bus.workers import (
    HASTY,
    Recorder,
    eventually,
    run,
    settled,
    unfinished,
    working,
)

FLOOD = BATCH + 50  # more than is asked for at once


@dataclass
class Fair(Recorder):
    """A recorder whose accounts take turns."""

    limits: dict[str, int] = field(default_factory=dict)
    tells: ClassVar[bool] = False

    def lane(self, event: Recorded[RunBuildStarted]) -> str:
        """Return whose it is."""
        return account(event.of.forge, event.name)

    def most(self, lane: str) -> int:
        """Return what a test says."""
        return self.limits.get(lane, 0)


async def pushed(bus: Bus, owner: str, *numbers: int) -> None:
    """Append facts of so many projects of an owner."""
    for number in numbers:
        name = f"{owner}{number}"
        fact = RunBuildStarted(function=name)
        await bus.log.append(fact, of=run(name), id=name, name=f"{owner}/p{number}")


async def fetched(bus: Bus) -> None:
    """Wait until the worker has fetched all there is, and had a moment to put it in its line."""
    async with asyncio.timeout(15):
        while True:
            info = await bus.js.consumer("EVENTS", "recorder")
            if info is not None and not info["num_pending"]:
                break
    await eventually(lambda: instruments.waiting.labels("recorder")._value.get() == FLOOD - 1)  # noqa: SLF001


async def test_the_next_place_is_another_account_s(bus: Bus) -> None:
    """Behind a flood that stands first, one fact of somebody else gets the next free place."""
    gates = asyncio.Semaphore(0)

    async def hold(_: Recorded[Any]) -> None:
        await gates.acquire()

    worker = Fair(hold, places=2)
    await pushed(bus, "flood", *range(FLOOD))
    await pushed(bus, "bob", 0)

    async with working(bus, worker):
        await eventually(lambda: len(worker.seen) == 2)
        assert worker.seen == ["flood0", "flood1"]
        await fetched(bus)
        gates.release()
        await eventually(lambda: len(worker.seen) == 3)
        for _ in range(FLOOD):
            gates.release()
        await settled(bus)

    assert worker.seen[2] == "bob0"
    assert len(worker.seen) == len({*worker.seen}) == FLOOD + 1


async def test_what_an_account_may_have_at_once(bus: Bus) -> None:
    """One with a limit of one runs one at a time, and the places it leaves go to the others."""
    now, most = 0, 0
    gate = asyncio.Event()

    async def count(event: Recorded[Any]) -> None:
        nonlocal now, most
        if event.fact.function.startswith("small"):
            now += 1
            most = max(most, now)
            await gate.wait()
            now -= 1

    worker = Fair(count, places=3, limits={"local small": 1})
    await pushed(bus, "small", *range(5))
    await pushed(bus, "big", *range(20))

    async with working(bus, worker):
        await eventually(lambda: len(worker.seen) == 21)
        assert most == 1
        gate.set()
        await settled(bus)

    assert (len(worker.seen), most) == (25, 1)


async def test_shutdown_gives_back_what_waits(bus: Bus) -> None:
    """What was fetched ahead is handled by the next process, at once and in order."""
    gate = asyncio.Event()

    async def hold(_: Recorded[Any]) -> None:
        await gate.wait()

    first, second = Fair(hold, places=1), Fair(places=1)
    await pushed(bus, "flood", *range(30))
    async with working(bus, first) as stopping:
        await eventually(lambda: len(first.seen) == 1)
        stopping.set()
        gate.set()

    async with working(bus, second):
        await settled(bus, within=5)  # well under ack_wait

    assert sorted(first.seen + second.seen) == sorted(f"flood{n}" for n in range(30))


async def test_a_kill_loses_nothing_of_what_waits(bus: Bus) -> None:
    """A process that is gone from one moment to the next had 100 waiting: all come again."""

    async def never(_: Recorded[Any]) -> None:
        await asyncio.Event().wait()

    first, second = Fair(never, places=1, pace=HASTY), Fair(places=4, pace=HASTY)
    await pushed(bus, "flood", *range(100))
    with suppress(TimeoutError):  # cancelled where it was: nothing was given back
        async with asyncio.timeout(0.5), working(bus, first):
            await asyncio.Event().wait()
    async with working(bus, second):
        await eventually(lambda: len(set(second.seen)) == 100)
        await settled(bus)

    assert await unfinished(bus) == 0


async def test_what_waits_is_shared_with_a_process_that_comes_later(bus: Bus) -> None:
    """A second process takes from what the first has fetched ahead, long before that is through."""

    async def slow(_: Recorded[Any]) -> None:
        await asyncio.sleep(0.1)

    pace = Pace(ack_wait=10, progress=0.2, backoff=(0.05,), grace=0.3)
    first, second = Fair(slow, places=1, pace=pace), Fair(slow, places=1, pace=pace)
    await pushed(bus, "flood", *range(20))
    async with working(bus, first):
        await eventually(lambda: first.seen)
        async with working(bus, second):
            await settled(bus)

    assert len(second.seen) >= 3
    assert sorted(first.seen + second.seen) == sorted(f"flood{n}" for n in range(20))
