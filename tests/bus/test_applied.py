"""A plan's events taken again: by the consumer that is named, where they stand, once."""

from bus.connection import Bus
from bus.letters import open_letters, redrive
from schemas.envelope import Aggregate, Recorded
from schemas.errors import BuildFailed
from schemas.events.replay import ReplayApplied, ReplayHandled
from schemas.events.run import RunBuildStarted
from tests.bus.workers import Recorder, settled, started, working

PLAN = Aggregate("", "", "replay", "3f9ac1")


async def test_an_applied_event_is_handled_again(bus: Bus) -> None:
    """The named consumer takes the old event; that it has is recorded under the plan."""
    worker, other = Recorder(), Recorder()
    async with working(bus, worker):
        seq = await started(bus, "a")
        await settled(bus)
        fact = ReplayApplied("recorder", "EVENTS", seq)
        first = await bus.log.append(fact, of=PLAN, id="apply:1")
        assert await bus.log.append(fact, of=PLAN, id="apply:1") == first
        await settled(bus)

    assert worker.seen == ["a", "a"]
    assert other.seen == []
    handled = await bus.log.last(PLAN, ReplayHandled)
    assert handled
    assert handled.cause == "apply:1"


async def test_one_that_fails_is_a_letter_about_the_event_itself(bus: Bus) -> None:
    """Redriven later, the letter leads to the event, not to the fact that pointed at it."""
    broken = [False]

    async def react(_: Recorded[RunBuildStarted]) -> None:
        if broken[0]:
            raise BuildFailed("no Dockerfile")

    worker = Recorder(react)
    async with working(bus, worker):
        seq = await started(bus, "a")
        await settled(bus)
        broken[0] = True
        at = await bus.log.append(ReplayApplied("recorder", "EVENTS", seq), of=PLAN, id="apply:1")
        await settled(bus)
        [letter] = await open_letters(bus)
        assert (letter.seq, letter.again) == (at, PLAN.id)
        broken[0] = False
        pointer = await bus.log.get(await redrive(bus, letter, actor="op"))
        await settled(bus)

    assert pointer.fact.seq == seq  # type: ignore[attr-defined]
    assert worker.seen == ["a", "a", "a"]
