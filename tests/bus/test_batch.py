"""Atomic batches: all or nothing, once."""

import asyncio

import pytest

from bus import log, streams
from bus.connection import Bus, connect
from bus.log import Draft, Guard
from bus.server import NatsServer
from schemas import subjects
from schemas.envelope import Aggregate
from schemas.errors import Conflict, FactTooLarge, IdReused
from schemas.events.run import RunBuildFailed, RunBuildStarted, RunCancelled, RunSuperseded

OLD = Aggregate("local", "alice/hello", "run", "1")
NEW = Aggregate("local", "alice/hello", "run", "2")
PAIR = (
    Draft(RunBuildStarted(function="f"), NEW, "queued", Guard("ev.local.*.run.*.build-started", 0)),
    Draft(RunSuperseded(by="2"), OLD, "superseded"),
)


async def test_all_are_stored_in_order(bus: Bus) -> None:
    """The facts of a batch stand one after the other; the last sequence is the answer."""
    await bus.log.append(RunCancelled(by="x"), of=OLD, id="before")

    assert await bus.log.append_all(PAIR, actor="planner") == 3
    events = [event async for event in bus.follow.events(after=1, until=3)]
    assert [(event.id, event.of, event.actor) for event in events] == [
        ("queued", NEW, "planner"),
        ("superseded", OLD, "planner"),
    ]


async def test_one_guard_that_moved_stores_nothing(bus: Bus) -> None:
    """A conflict of one fact keeps all out."""
    await bus.log.append(RunBuildStarted(function="g"), of=OLD, id="moved")

    with pytest.raises(Conflict):
        await bus.log.append_all(PAIR)
    assert await bus.log.head() == 1


async def test_a_guard_of_a_later_fact_counts_too(bus: Bus) -> None:
    """Every fact's guard is checked, not the first one's."""
    await bus.log.append(RunCancelled(by="x"), of=OLD, id="moved")
    drafts = [
        Draft(RunBuildStarted(function="f"), NEW, "a"),
        Draft(RunSuperseded(by="2"), OLD, "b", Guard(subjects.history(OLD), 0)),
    ]

    with pytest.raises(Conflict):
        await bus.log.append_all(drafts)
    assert await bus.log.head() == 1


async def test_a_batch_sent_again_answers_the_old_sequence(bus: Bus) -> None:
    """Idempotent as a whole, though its guard has moved by itself."""
    assert await bus.log.append_all(PAIR) == 2
    await bus.log.append(RunCancelled(by="x"), of=NEW, id="later")

    assert await bus.log.append_all(PAIR) == 2
    assert await bus.log.head() == 3


async def test_ids_known_in_part_are_an_error(bus: Bus) -> None:
    """A batch is stored whole or not at all; half of one is somebody else's."""
    await bus.log.append(PAIR[1].fact, of=OLD, id="superseded")

    with pytest.raises(IdReused, match="others are not"):
        await bus.log.append_all(PAIR)
    assert await bus.log.head() == 1


async def test_an_id_known_elsewhere_is_an_error(bus: Bus) -> None:
    """An id of the batch that stands under another subject is refused."""
    await bus.log.append(RunCancelled(by="x"), of=NEW, id="superseded")

    with pytest.raises(IdReused):
        await bus.log.append_all(PAIR)
    assert await bus.log.head() == 1


async def test_a_batch_sent_again_with_another_body_is_an_error(bus: Bus) -> None:
    """The same ids with another content are not the same batch."""
    await bus.log.append_all(PAIR)
    other = [PAIR[0], Draft(RunSuperseded(by="3"), OLD, "superseded")]

    with pytest.raises(IdReused):
        await bus.log.append_all(other)


async def test_two_facts_with_one_id_are_refused(bus: Bus) -> None:
    """The mistake is named before anything is sent."""
    with pytest.raises(IdReused, match="two facts"):
        await bus.log.append_all([PAIR[1], PAIR[1]])


async def test_a_large_fact_keeps_all_out(bus: Bus) -> None:
    """Size is checked before anything is sent."""
    large = RunBuildFailed(function="f", code="c", message="m" * log.LIMIT)

    with pytest.raises(FactTooLarge):
        await bus.log.append_all([PAIR[1], Draft(large, NEW, "large")])
    assert await bus.log.head() == 0


async def test_a_batch_of_one(bus: Bus) -> None:
    """One fact needs no batch, and is as idempotent."""
    assert await bus.log.append_all(PAIR[:1]) == 1
    assert await bus.log.append_all(PAIR[:1]) == 1
    with pytest.raises(FactTooLarge):
        await bus.log.append_all([])


async def test_a_thousand_facts(bus: Bus) -> None:
    """The largest batch there may be; one more is refused."""
    drafts = [Draft(RunBuildStarted(function=str(n)), NEW, str(n)) for n in range(1001)]

    with pytest.raises(FactTooLarge):
        await bus.log.append_all(drafts)
    assert await bus.log.append_all(drafts[:1000]) == 1000


async def test_many_batches_at_once(bus: Bus) -> None:
    """More batches than the server takes at a time all get in, each whole."""

    async def batch(number: int) -> int:
        of = Aggregate("local", "alice/hello", "run", str(number))
        facts = [Draft(RunBuildStarted(function=f), of, f"{number}:{f}") for f in "abc"]
        return await bus.log.append_all(facts)

    seqs = await asyncio.gather(*map(batch, range(120)))
    assert sorted(seqs) == list(range(3, 361, 3))


async def test_a_killed_server_leaves_whole_batches(server: NatsServer) -> None:
    """Batches under way when the server is killed are stored whole and once."""
    settings = server.settings("init")
    await streams.init(settings)
    async with connect(settings, name="test") as bus:

        async def batch(number: int) -> int:
            of = Aggregate("local", "alice/hello", "run", str(number))
            facts = [Draft(RunBuildStarted(function=f), of, f"{number}:{f}") for f in "abc"]
            return await bus.log.append_all(facts)

        batches = [asyncio.create_task(batch(number)) for number in range(40)]
        await asyncio.wait(batches, return_when=asyncio.FIRST_COMPLETED)
        server.kill()
        server.start()
        seqs = await asyncio.gather(*batches)

        assert sorted(seqs) == list(range(3, 121, 3))
        assert await bus.log.head() == 120
