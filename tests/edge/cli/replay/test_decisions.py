"""How a decision is judged, on plain values."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bus.log import Draft, EventLog
from edge.cli.replay.decisions import Attempt, Decision, Verdict, judge
from edge.cli.replay.recorded import RecordedLog
from edge.cli.replay.window import Window
from schemas.envelope import Aggregate, Recorded
from schemas.events import Event
from schemas.events.run import RunBuildStarted, RunDelayed, RunFinished

RUN = Aggregate("local", "alice/hello", "run", "1")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def event(seq: int, fact: Event, id: str = "", cause: str = "") -> Recorded[Any]:
    """Return an event of this moment."""
    return Recorded(fact, RUN, id or f"e{seq}", seq, NOON, cause)


EVENT = event(1, RunBuildStarted("a"))
LIVE = event(2, RunFinished("live"), "planner:e1:run.finished")
DRAFT = Draft(LIVE.fact, RUN, LIVE.id)
FAILED = Draft(RunFinished("failed"), RUN, LIVE.id)
OTHER = Draft(RunFinished("live"), RUN, "planner:e1:other")


def judged(attempt: Attempt, *recorded: Recorded[Event], handled: bool = True) -> Verdict:
    """Return the verdict on an attempt at what was recorded."""
    return judge(Decision("planner", EVENT, recorded, handled), attempt)


def kinds(verdict: Verdict) -> list[str]:
    """Return the kinds of changes."""
    return [change.change for change in verdict.changes]


def test_the_same_facts_are_equal() -> None:
    """Also where neither then nor now anything was written."""
    assert judged(Attempt(made=[(DRAFT, LIVE)]), LIVE) == Verdict(outcome="equal")
    assert judged(Attempt()) == Verdict(outcome="equal")


@pytest.mark.parametrize(
    ("made", "changes"),
    [
        ([(FAILED, LIVE)], ["different"]),
        ([(OTHER, None)], ["missing", "additional"]),
        ([], ["missing"]),
        ([(DRAFT, LIVE), (OTHER, None)], ["additional"]),
    ],
)
def test_each_kind_of_difference(
    made: list[tuple[Draft, Recorded[Event] | None]], changes: list[str]
) -> None:
    """Another body, another fact, one less, one more."""
    verdict = judged(Attempt(made=made), LIVE)

    assert verdict.outcome == "differs"
    assert kinds(verdict) == changes


def test_both_bodies_are_told() -> None:
    """What was recorded, where, and what it would be now."""
    [change] = judged(Attempt(made=[(FAILED, LIVE)]), LIVE).changes

    assert (change.seq, change.type) == (2, "run.finished/1")
    assert change.then == {"outcome": "live", "message": ""}
    assert change.now == {"outcome": "failed", "message": ""}


def test_what_is_not_recorded_is_unknown_and_no_difference() -> None:
    """But what was made before that is compared, and an exception is a difference."""
    assert judged(Attempt(unknown="blob x"), LIVE).outcome == "unknown"
    assert judged(Attempt(made=[(OTHER, None)], unknown="blob x"), LIVE).outcome == "differs"
    assert judged(Attempt(failed="KeyError: 'x'")).reason == "KeyError: 'x'"
    assert judged(Attempt(failed="KeyError: 'x'")).outcome == "differs"
    assert judged(Attempt(waits="not_claimed: no")).outcome == "unknown"
    assert judged(Attempt(waits="not_claimed: no"), LIVE).outcome == "differs"


def test_what_nobody_has_handled_yet_is_no_difference() -> None:
    """The worker may not have come to it when the log was read."""
    assert judged(Attempt(made=[(OTHER, None)]), handled=False).outcome == "unknown"


async def test_the_window_finds_what_was_written_because_of_an_event() -> None:
    """By consumer and cause, in order; what the bus writes about waiting is left out."""
    late = event(4, RunDelayed("planner", "x", "y"), "planner:e1:run.delayed", "e1")
    mine = event(3, RunFinished("live"), "planner:e1:run.finished", "e1")
    other = event(2, RunFinished("live"), "builder:e1:run.finished", "e1")
    batches = iter([[EVENT, other], [mine, late]])

    async def read() -> Any:
        for batch in batches:
            yield batch

    window = Window(read())
    assert await window.peek() == EVENT
    assert window.written("planner", "e1") == (mine,)
    assert window.find(mine.id) == mine
    assert window.moved(["ev.local.alice=2Fhello.run.*.finished"], until=3) == 3
    assert window.moved(["ev.local.alice=2Fhello.run.*.finished"], until=2) == 2
    assert [window.take(), window.take(), window.take()] == [EVENT, other, mine]
    assert window.written("planner", "e1") == ()
    assert [one.seq for one in window.later(RUN)] == [4]


def test_nothing_of_the_log_is_left_out() -> None:
    """A method that consumers may call is answered from history, not by the real log."""
    public = {name for name in vars(EventLog) if not name.startswith("_")}

    assert public <= set(vars(RecordedLog))
