"""A handler that failed half way and was called again: both calls are one decision."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Literal

from bus.blobs import DirectoryBlobs
from bus.log import EventLog
from edge.cli.replay.decisions import Attempt, Decision, Verdict
from edge.cli.replay.history import History
from edge.cli.replay.parts.part import Part
from edge.cli.replay.stage import Stage, World
from edge.cli.replay.window import Window
from schemas.envelope import Aggregate, Delivery, Recorded
from schemas.errors import EventMissing, Retry
from schemas.events import Event
from schemas.events.run import RunBuildStarted, RunFinished, RunSuperseded
from schemas.ids import event_id

RUN = Aggregate("local", "alice/hello", "run", "1")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class Two:
    """Writes one fact, then another one once somebody else has spoken."""

    events: EventLog
    places: int = 1
    durable: ClassVar[str] = "two"
    reads: ClassVar[Any] = (RunBuildStarted,)
    begins: ClassVar[Literal["first", "now"]] = "first"

    def key(self, event: Recorded[Any]) -> str:
        """Return the run."""
        return str(event.of.id)

    async def handle(self, event: Recorded[Any]) -> None:
        """Fail between both facts, unless the run is superseded by then."""
        first, second = RunBuildStarted("mine"), RunFinished("live")
        await self.events.append(first, of=RUN, id=event_id("two", event.id, first), cause=event)
        if await self.events.last(RUN, RunSuperseded) is None:
            raise Retry("not yet")
        await self.events.append(second, of=RUN, id=event_id("two", event.id, second), cause=event)


def event(seq: int, fact: Event, id: str, cause: str = "") -> Recorded[Event]:
    """Return an event of this moment."""
    return Recorded(fact, RUN, id, seq, NOON, cause)


async def play(folder: Path, *events: Recorded[Event]) -> list[Verdict]:
    """Replay these events; return all verdicts."""

    async def nothing(*_: object) -> list[Recorded[Event]]:
        return []

    async def missing(seq: int) -> Recorded[Event]:
        raise EventMissing(f"there is no event {seq}")

    async def no_delivery(*_: str) -> Delivery | None:
        return None

    async def batches() -> AsyncGenerator[list[Recorded[Event]], None]:
        yield list(events)

    verdicts: list[Verdict] = []

    def told(_: Decision, __: Attempt, verdict: Verdict) -> None:
        verdicts.append(verdict)

    history = History(nothing, 0)
    world = World(
        history=history, blobs=DirectoryBlobs(folder), event=missing, delivery=no_delivery
    )
    part = Part(Two, "two facts", lambda scene: Two(scene.log))
    await Stage(world, Window(batches()), (part,), told).play(
        events[-1].seq, lambda event: event.id == "start"
    )
    return verdicts


START = event(1, RunBuildStarted("a"), "start")
FIRST = event(2, RunBuildStarted("mine"), "two:start:run.build-started", "start")
OTHER = event(3, RunSuperseded("2"), "other")
SECOND = event(4, RunFinished("live"), "two:start:run.finished", "start")


async def test_what_two_calls_have_written_is_one_decision(tmp_path: Path) -> None:
    """The first call failed between its facts; the second wrote the rest, later."""
    assert await play(tmp_path, START, FIRST, OTHER, SECOND) == [Verdict(outcome="equal")]


async def test_a_second_call_makes_nothing_up(tmp_path: Path) -> None:
    """Where the reason to go on was never there, the fact is missing all the same."""
    [verdict] = await play(tmp_path, START, FIRST, SECOND)

    assert verdict.outcome == "differs"
    assert [(change.change, change.seq) for change in verdict.changes] == [("missing", 4)]
