"""The collector in a replay: what a sweep decided by its own clock is not decided again."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from edge.cli.replay.decisions import Decision, NotRecorded
from edge.cli.replay.parts.collector import RecordedCollector, collector_part
from edge.cli.replay.parts.part import Scene
from schemas.envelope import Aggregate, Recorded
from schemas.events import Event
from schemas.events.collection import CollectionPlanned
from schemas.events.function import FunctionRemoved
from schemas.events.run import RunFinished

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OF = Aggregate("local", "alice/hello", "run", "1")
ENDED: Recorded[Event] = Recorded(RunFinished("live"), OF, "e-1", 1, NOW)
REMOVED = FunctionRemoved("alice", "production", "old", "it is not in stack.yml any more")


def collector(due: datetime, *facts: Event) -> RecordedCollector:
    """Return the collector in front of a removal that was announced for then, and more facts."""
    planned = CollectionPlanned(
        label="alice",
        environment="production",
        function="old",
        reason="not-in-stack",
        because=1,
        due=due,
    )
    recorded = tuple(
        Recorded(fact, OF, f"e-{n}", n, NOW) for n, fact in enumerate((planned, *facts), 2)
    )
    nothing = cast("Any", None)
    decision = Decision("collector", ENDED, recorded)
    made = collector_part().make(Scene(decision, nothing, nothing, nothing, []))
    assert isinstance(made, RecordedCollector)
    return made


async def test_what_a_sweep_did_is_not_compared() -> None:
    """It announced and removed at once, later than the event: nobody wrote down when it looked."""
    swept = collector(NOW + timedelta(seconds=1), REMOVED)

    with pytest.raises(NotRecorded, match="sweep"):
        await swept.handle(ENDED)


def test_what_the_event_led_to_is_decided_again() -> None:
    """By the event's own time, with the grace time of then."""
    at_once = collector(NOW, REMOVED)
    announced = collector(NOW + timedelta(minutes=10))

    assert (at_once.swept, announced.swept) == (False, False)
    assert (at_once.grace, announced.grace) == (timedelta(0), timedelta(minutes=10))
