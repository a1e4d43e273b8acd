"""History at a moment, on plain events: what the log would have answered then."""

from datetime import UTC, datetime

import pytest

from edge.cli.replay import history
from edge.cli.replay.decisions import NotRecorded
from edge.cli.replay.history import History
from edge.cli.replay.positions import Positions
from schemas.envelope import Aggregate, Recorded
from schemas.events import Event
from schemas.events.run import RunBuildStarted, RunBuilt, RunFinished
from schemas.events.tenant import TenantLabelled
from schemas.subjects import history as history_of

RUN = Aggregate("local", "alice/hello", "run", "1")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def event(seq: int, fact: Event, of: Aggregate = RUN) -> Recorded[Event]:
    """Return an event of this moment."""
    return Recorded(fact, of, f"e{seq}", seq, NOON)


async def nothing(filter: str, until: int) -> list[Recorded[Event]]:
    """Fail: the server is not to be asked."""
    raise AssertionError((filter, until))


async def test_the_newest_fact_is_the_newest_so_far() -> None:
    """Of a kind, of several, of any; none where there was none yet."""
    past = History(nothing, 0)
    past.add(event(1, RunBuildStarted("a")))
    past.add(event(2, RunBuildStarted("b")))

    first = await past.last(RUN, (RunBuildStarted, RunFinished))
    past.add(event(3, RunFinished("live")))
    second = await past.last(RUN, (RunBuildStarted, RunFinished))

    assert (first and first.seq, second and second.seq) == (2, 3)
    assert (await past.last(RUN, ())) == second
    assert await past.last(RUN, (RunBuilt,)) is None
    assert [one.seq for one in await past.of_run(RUN)] == [1, 2, 3]
    assert await past.last_seq(history_of(RUN)) == 3


async def test_what_was_before_is_asked_of_the_server_once() -> None:
    """A range that begins in the middle: the beginning of a run is not made up."""
    asked = []

    async def ask(filter: str, until: int) -> list[Recorded[Event]]:
        asked.append((filter, until))
        return [event(4, RunBuildStarted("a"))]

    past = History(ask, 10)
    past.add(event(11, RunBuildStarted("b")))

    for _ in range(2):
        found = await past.last(RUN, (RunBuildStarted,))
        assert found
        assert found.seq == 11
    assert asked == [(history_of(RUN), 10)]
    with pytest.raises(NotRecorded, match="too far back"):
        await past.of_run(RUN)


async def test_it_holds_so_many_and_asks_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is flat: what was let go is asked for, up to this moment."""
    monkeypatch.setattr(history, "HELD", 2)
    kept = [
        event(seq, RunBuildStarted("a"), Aggregate("l", "p", "run", str(seq))) for seq in (1, 2, 3)
    ]

    async def ask(filter: str, until: int) -> list[Recorded[Event]]:
        assert until == 3
        return [one for one in kept if filter == history_of(one.of)]

    past = History(ask, 0)
    for one in kept:
        past.add(one)

    assert [await past.last(one.of, (RunBuildStarted,)) for one in kept] == kept


def test_positions_are_kept_by_project_and_by_fact() -> None:
    """The filters that the planner guards with; another shape is not known."""
    positions = Positions(0)
    labelled = TenantLabelled("alice")
    positions.add(event(1, RunBuildStarted("a")))
    positions.add(event(2, labelled, Aggregate("local", "", "tenant", "alice")))
    positions.add(event(3, RunFinished("live")))

    assert positions.last("ev.local.alice=2Fhello.>") == 3
    assert positions.last("ev.local.alice=2Fhello.run.*.build-started") == 1
    assert positions.last("ev.*.=.tenant.*.labelled") == 2
    assert positions.last("ev.*.*.run.*.finished") == 3
    assert positions.last("ev.local.bob=2Fshop.>") == 0
    assert positions.last("ev.*.*.*.*.finished") is None
    assert Positions(7).last("ev.local.bob=2Fshop.>") is None
