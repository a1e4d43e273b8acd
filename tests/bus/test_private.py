"""Private copies of a range of EVENTS: exact, under names of their own, gone afterwards."""

import asyncio
from contextlib import AsyncExitStack, aclosing

import pytest

from bus import private, streams
from bus.connection import Bus, connect
from bus.permissions import COPIES
from bus.private import CopiesTaken, RangeTooLarge, sweep
from bus.server import NatsServer
from schemas.envelope import Aggregate, Recorded
from schemas.events import Event
from schemas.events.run import RunBuildStarted

RUN = Aggregate("local", "alice/hello", "run", "1")


async def fill(bus: Bus, count: int) -> list[Recorded[Event]]:
    """Append so many events; return them as they stand in the log."""
    for number in range(count):
        await bus.log.append(RunBuildStarted(function=f"f{number}"), of=RUN, id=f"fact:{number}")
    return [event async for event in bus.follow.events(after=0, until=count)]


async def test_a_copy_is_the_range_and_nothing_else(bus: Bus) -> None:
    """Events keep sequence, subject and headers; what is appended meanwhile stays out."""
    everything = await fill(bus, 30)

    async with bus.copies.of("r1", 11, 20) as copy:
        await bus.log.append(RunBuildStarted(function="late"), of=RUN, id="fact:late")
        async with aclosing(copy.batches()) as batches:
            copied = [event async for batch in batches for event in batch]
        info = await bus.js.info(copy.stream)

    assert copied == everything[10:20]
    assert info
    assert info["state"]["messages"] == 10
    assert info["config"]["sources"][0]["subject_transforms"] == [
        {"src": "ev.>", "dest": "replay.r1.ev.>"}
    ]
    assert await bus.js.info(copy.stream) is None


async def test_the_replaying_user_makes_copies_and_touches_nothing_else(
    server: NatsServer,
) -> None:
    """With its own permissions a copy is made, read and removed; EVENTS is as it was."""
    await streams.init(server.settings("init"))
    async with connect(server.settings("platform"), name="writer") as writer:
        everything = await fill(writer, 5)
        before = await writer.js.info("EVENTS")
        async with connect(server.settings("replay"), name="replay") as bus:
            async with bus.copies.of("r2", 1, 5) as copy, aclosing(copy.batches()) as batches:
                copied = [event async for batch in batches for event in batch]
            assert await bus.js.info(copy.stream) is None
        after = await writer.js.info("EVENTS")

    assert copied == everything
    assert before
    assert after
    assert after["state"]["last_seq"] == before["state"]["last_seq"] == 5


async def test_a_reader_that_is_cancelled_leaves_no_copy(bus: Bus) -> None:
    """Ctrl-C in the middle of a replay removes what it made."""
    await fill(bus, 3)
    made = asyncio.Event()

    async def replay() -> None:
        async with bus.copies.of("r3", 1, 3):
            made.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(replay())
    await made.wait()
    task.cancel()
    await asyncio.wait((task,))

    assert [await bus.js.info(stream) for stream in COPIES] == [None] * len(COPIES)


async def test_a_left_over_copy_is_removed_after_an_hour(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replay that was killed leaves its copy; the next one that comes later removes it."""
    await fill(bus, 3)
    killed = bus.copies.of("r4", 1, 3)
    left = await killed.__aenter__()  # whose end never comes

    assert await sweep(bus.js) == []
    monkeypatch.setattr(private, "LIFE", 0)
    assert await sweep(bus.js) == [left.stream]
    assert await bus.js.info(left.stream) is None
    await killed.__aexit__(None, None, None)  # twice is harmless


async def test_there_are_so_many_copies_and_no_more(bus: Bus) -> None:
    """Each has a name of its own; the ninth is told to wait, and one too large is refused."""
    await fill(bus, 1)
    async with AsyncExitStack() as stack:
        made = [
            (await stack.enter_async_context(bus.copies.of(f"c{number}", 1, 1))).stream
            for number in range(len(COPIES))
        ]
        assert made == list(COPIES)
        with pytest.raises(CopiesTaken, match="8 private copies are in use"):
            await stack.enter_async_context(bus.copies.of("c9", 1, 1))
    with pytest.raises(RangeTooLarge, match="200001 events"):
        async with bus.copies.of("large", 1, 200_001):
            pass
