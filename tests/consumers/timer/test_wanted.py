"""What is wanted when, by the log alone."""

import functools
from datetime import UTC, datetime, timedelta
from typing import Any

from consumers.timer.wanted import CRON, TIMEOUT, Target, Wanted, key, reduce
from schemas.envelope import Aggregate, Recorded
from schemas.events import Event
from schemas.events.environment import (
    EnvironmentClosed,
    EnvironmentOpened,
    EnvironmentRenewed,
)
from schemas.events.function import FunctionRemoved
from schemas.events.run import RunFinished
from schemas.events.timer import TimerFired
from schemas.schedule import Schedule
from tests.consumers.timer.facts import FUNCTION, RUN, deployed, queued

HOUR = timedelta(hours=1)


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    """Return a moment of a day."""
    return datetime(2026, 11, 25, hour, minute, second, tzinfo=UTC)


def event(fact: Event, time: datetime, seq: int = 1, of: Aggregate = FUNCTION) -> Recorded[Any]:
    """Return a fact as it was recorded."""
    return Recorded(fact, of, f"event:{seq}", seq, time, name="alice/hello")


def after(*events: Recorded[Any]) -> Wanted | None:
    """Return the row that events lead to; all of them are of one."""
    assert len({key(one) for one in events}) == 1
    return functools.reduce(reduce, events, None)


def due(row: Wanted | None) -> datetime | None:
    """Return when it is due."""
    timer = row.timer(HOUR) if row else None
    return timer.at if timer else None


def fired(moment: datetime, time: datetime, seq: int = 2, purpose: str = CRON) -> Recorded[Any]:
    """Return that a timer has fired."""
    about = FUNCTION.id if purpose == CRON else RUN.id
    of = Aggregate("local", "alice/hello", "timer", f"{purpose}/{about}")
    return event(TimerFired(purpose=purpose, about=about, due=moment), time, seq, of)


def test_a_function_is_due_at_the_next_moment_of_its_schedule() -> None:
    """Counted from its deployment, then from its last call."""
    begun = event(deployed("*/5 * * * *"), at(12, 1))

    assert due(after(begun)) == at(12, 5)
    assert due(after(begun, fired(at(12, 5), at(12, 5)))) == at(12, 10)
    row = after(begun)
    assert row is not None
    assert row.target == Target("alice", "production", "tick", "public")


def test_what_was_missed_is_due_once() -> None:
    """Three hours of silence: the oldest moment is told of, and the next is one to come."""
    row = after(event(deployed("*/5 * * * *"), at(12, 1)), fired(at(12, 5), at(15, 2)))

    assert due(row) == at(15, 5)


def test_a_worker_s_clock_that_is_behind_fires_no_moment_twice() -> None:
    """Recorded before its own moment by a slow clock: the next is the next one all the same."""
    row = after(event(deployed("*/5 * * * *"), at(12, 1)), fired(at(12, 5), at(12, 4, 59)))

    assert due(row) == at(12, 10)


def test_a_new_revision_under_the_same_schedule_moves_nothing() -> None:
    """Pushing each minute does not keep a function from its call."""
    first, again = event(deployed("0 * * * *"), at(12, 1)), event(deployed("0 * * * *"), at(12, 59))

    assert due(after(first, again)) == at(13)


def test_another_schedule_begins_anew_and_none_ends_it() -> None:
    """Changed, removed from the stack, or gone with its function."""
    first, other = event(deployed("0 * * * *"), at(12, 1)), event(deployed("30 * * * *"), at(13, 5))
    removed = FunctionRemoved(label="alice", environment="production", function="tick")

    assert due(after(first, other)) == at(13, 30)
    assert after(first, event(deployed(""), at(12, 30))) is None
    assert after(first, event(removed, at(12, 30))) is None


def test_a_schedule_is_in_its_zone() -> None:
    """Nine in Berlin is eight in UTC, in winter."""
    row = after(event(deployed("0 9 * * *", "Europe/Berlin"), at(7)))

    assert due(row) == at(8)
    assert row is not None
    assert row.schedule == Schedule("0 9 * * *", "Europe/Berlin")


def test_a_schedule_that_cannot_be_read_is_never_due() -> None:
    """An older release let it pass: the others are called all the same."""
    assert due(after(event(deployed("every day"), at(12)))) is None


def test_a_run_is_due_until_it_ends() -> None:
    """Once, the timeout after it was queued."""
    begun = event(queued(), at(12), of=RUN)
    over = fired(at(13), at(13), purpose=TIMEOUT)

    assert due(after(begun)) == at(13)
    assert due(after(begun, over)) is None
    assert after(begun, event(RunFinished("live"), at(12, 1), of=RUN)) is None


def test_a_preview_is_due_when_nobody_has_used_it() -> None:
    """Each use moves the moment; it fires once, and not at all once it is closed."""
    of = Aggregate("local", "alice/hello", "environment", "branch-dev")
    opened = event(EnvironmentOpened("dev", at(13), push=1), at(12), 1, of)
    renewed = event(EnvironmentRenewed(at(15), push=2), at(14), 2, of)
    closed = event(EnvironmentClosed("expired"), at(15), 4, of)
    place = Aggregate("local", "alice/hello", "timer", "preview-expiry/branch-dev")
    told = TimerFired("preview-expiry", "branch-dev", at(15))
    over = event(told, at(15), 3, place)

    assert due(after(opened)) == at(13)
    assert due(after(opened, renewed)) == at(15)
    assert due(after(opened, renewed, over)) is None
    assert after(opened, renewed, closed) is None
    again = after(opened, renewed, over, closed, opened)
    assert due(again) == at(13)
    assert again is not None
    assert again.fired == 3, "what fired before guards what will fire"
