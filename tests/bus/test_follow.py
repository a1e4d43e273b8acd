"""Follow: in order, gapless, over restarts; shared by all who follow."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial

import pytest

from bus import follow as follow_module
from bus import streams
from bus.connection import Bus, connect
from bus.log import Draft
from bus.server import NatsServer
from schemas.envelope import Aggregate, Recorded
from schemas.errors import Gap
from schemas.events import Event
from schemas.events.run import RunBuildStarted, RunCancelled
from tests.bus.workers import eventually

RUN = Aggregate("local", "alice/hello", "run", "1")
OTHER = Aggregate("local", "alice/hello", "run", "2")


async def fill(bus: Bus, count: int, of: Aggregate = RUN, begin: int = 0) -> None:
    """Append ``count`` facts whose functions are numbers, in order."""
    for number in range(begin, begin + count):
        fact = RunBuildStarted(function=str(number))
        await bus.log.append(fact, of=of, id=f"{of.id}:{number}")


async def seqs(events: AsyncIterator[Recorded[Event]]) -> list[int]:
    """Return the sequences of all events."""
    return [event.seq async for event in events]


async def test_reads_a_range(bus: Bus) -> None:
    """``after`` is left out, ``until`` is the last; an empty range yields nothing."""
    await fill(bus, 10)

    assert await seqs(bus.follow.events(after=0, until=10)) == list(range(1, 11))
    assert await seqs(bus.follow.events(after=3, until=7)) == [4, 5, 6, 7]
    assert await seqs(bus.follow.events(after=7, until=7)) == []


async def test_a_long_history_is_read_by_one_consumer(bus: Bus) -> None:
    """The end of a batch, which the server tells of, is no reason to begin again."""
    for number in range(7):
        facts = [RunBuildStarted(function=f"{number}-{place}") for place in range(500)]
        drafts = [Draft(fact, RUN, fact.function) for fact in facts]
        await bus.log.append_all(drafts)

    assert await seqs(bus.follow.events(after=0, until=3500)) == list(range(1, 3501))

    info = await bus.js.info("EVENTS")
    assert info is not None
    assert info["state"]["consumer_count"] == 1


async def test_waits_for_more(bus: Bus) -> None:
    """Without ``until``, history and then what is appended later come in one row."""
    await fill(bus, 3)
    seen: list[int] = []

    async def watch() -> None:
        async for event in bus.follow.events(after=1):
            seen.append(event.seq)  # noqa: PERF401 - it never ends

    task = asyncio.create_task(watch())
    await eventually(lambda: seen == [2, 3])
    await fill(bus, 2, begin=3)
    await eventually(lambda: seen == [2, 3, 4, 5])
    task.cancel()


async def test_a_range_that_has_not_come_yet(bus: Bus) -> None:
    """``until`` beyond the head waits for it, with a filter too."""
    await fill(bus, 1)
    plain = asyncio.create_task(seqs(bus.follow.events(after=0, until=3)))
    filtered = asyncio.create_task(
        seqs(bus.follow.events(after=0, until=3, filter="ev.*.*.run.1.>"))
    )
    await fill(bus, 1, begin=1)
    await fill(bus, 1, of=OTHER)

    async with asyncio.timeout(15):
        assert await plain == [1, 2, 3]
        assert await filtered == [1, 2]


async def test_a_filter(bus: Bus) -> None:
    """Only what matches comes, and the read ends though nothing matches at the end."""
    await fill(bus, 3)
    await bus.log.append(RunCancelled(by="x"), of=RUN, id="c")
    await fill(bus, 3, of=OTHER)

    async with asyncio.timeout(15):
        cancelled = bus.follow.events(after=0, until=7, filter="ev.*.*.run.*.cancelled")
        assert await seqs(cancelled) == [4]
        assert await seqs(bus.follow.events(after=4, until=7, filter="ev.*.*.run.1.>")) == []
        assert await seqs(bus.follow.events(after=0, until=2, filter="ev.*.*.run.1.>")) == [1, 2]
        assert await seqs(bus.follow.events(after=0, until=7, filter="ev.github.>")) == []


async def test_all_share_one_reader(bus: Bus) -> None:
    """A hundred followers, early and late, each see everything once, over one consumer."""
    await fill(bus, 20)
    results = [asyncio.create_task(take(bus, after, 40)) for after in (0, 5, 20) for _ in range(33)]
    await fill(bus, 20, begin=20)

    async with asyncio.timeout(20):
        for after, result in zip([0] * 33 + [5] * 33 + [20] * 33, results, strict=True):
            assert await result == list(range(after + 1, 41))


async def take(bus: Bus, after: int, last: int) -> list[int]:
    """Follow without end, until ``last`` was seen."""
    taken = []
    async with aclosing(bus.follow.batches(after=after)) as batches:
        async for batch in batches:
            taken += [event.seq for event in batch]
            if taken[-1] == last:
                return taken
    raise AssertionError


async def test_who_falls_behind_reads_the_log_again(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow follower holds up nobody and loses nothing, though the shared tail has moved on."""
    monkeypatch.setattr(follow_module, "KEEP", 10)
    slow = bus.follow.batches(after=0)
    fast = asyncio.create_task(take(bus, 0, 100))
    await fill(bus, 1)
    got = [event.seq for event in await anext(slow)]
    await fill(bus, 99, begin=1)
    async with asyncio.timeout(15):
        await fast
        async for batch in slow:
            got += [event.seq for event in batch]
            if got[-1] == 100:
                break
    await slow.aclose()
    assert got == list(range(1, 101))


async def test_more_than_two_batches(bus: Bus) -> None:
    """Long histories are asked for piece by piece, and a slow reader is not overrun."""
    for begin in range(0, 4500, 500):
        numbers = range(begin, begin + 500)
        await asyncio.gather(
            *(bus.log.append(RunBuildStarted(function=str(n)), of=RUN, id=str(n)) for n in numbers)
        )

    count = 0
    async for batch in bus.follow.batches(after=0, until=4500):
        count += len(batch)
        await asyncio.sleep(0.005)
    assert count == 4500


async def test_a_missing_sequence_is_a_gap(bus: Bus) -> None:
    """A log that lost a message is not read over, neither in history nor by the shared tail."""
    await fill(bus, 5)
    await bus.js.call("STREAM.MSG.DELETE.EVENTS", {"seq": 3, "no_erase": True})

    history = bus.follow.events(after=0, until=5)
    assert [(await anext(history)).seq, (await anext(history)).seq] == [1, 2]
    with pytest.raises(Gap, match="after 2 came 4"):
        await anext(history)
    with pytest.raises(Gap, match="after 2 came 4"):
        await anext(bus.follow.events(after=2))


async def test_a_server_killed_again_and_again(server: NatsServer) -> None:
    """Followers see each event once and in order over kill -9, and promptly after each."""
    settings = server.settings("init")
    await streams.init(settings)
    async with connect(settings, name="test") as bus:
        everything = asyncio.create_task(take(bus, 0, 90))
        filtered = asyncio.create_task(collect(bus, "ev.*.*.run.1.>", 90))
        for begin in (0, 30, 60):
            await fill(bus, 15, begin=begin)
            server.kill()
            server.start()
            await fill(bus, 15, begin=begin + 15)

        async with asyncio.timeout(5):  # nats-py's ordered consumer is blind for 15 s
            assert await everything == list(range(1, 91))
            assert await filtered == list(range(1, 91))


async def collect(bus: Bus, filter: str, last: int) -> list[int]:
    """Follow a filter without end, until ``last`` was seen."""
    taken = []
    async with aclosing(bus.follow.events(after=0, filter=filter)) as events:
        async for event in events:
            taken.append(event.seq)
            if event.seq == last:
                return taken
    raise AssertionError


async def test_an_event_is_seen_soon(bus: Bus) -> None:
    """From append to seen takes less than 25 ms, 99 times of 100."""
    seen: dict[str, float] = {}

    async def watch() -> None:
        async for event in bus.follow.events(after=0):
            seen[event.id] = time.perf_counter()

    task = asyncio.create_task(watch())
    await fill(bus, 1)
    await eventually(lambda: seen)
    waits = []
    for number in range(200):
        await bus.log.append(RunBuildStarted(function="f"), of=OTHER, id=f"late:{number}")
        done = time.perf_counter()
        id = f"late:{number}"
        await eventually(partial(seen.__contains__, id))
        waits.append(seen[id] - done)
    task.cancel()
    assert sorted(waits)[-3] < 0.025


async def test_a_follower_that_leaves_frees_its_reader(bus: Bus) -> None:
    """Reading ranges over and over leaves no subscription behind."""
    await fill(bus, 3)
    for _ in range(50):
        assert await seqs(bus.follow.events(after=0, until=3)) == [1, 2, 3]

    protocol = bus.follow._wire._held  # noqa: SLF001 - what is left cannot be seen from outside
    assert protocol is not None
    assert len(protocol.sinks) == 0
