"""Newest wins, with a brake. Pure: every time comes from an event."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumers.planner.decide import decide, end_of
from consumers.planner.projects import FAILED, LIVE, OpenRun, Project
from schemas.envelope import Aggregate, Recorded
from schemas.events.branch import BranchPushed
from schemas.events.run import RunFinished, RunQueued, RunSuperseded
from schemas.ids import run_id
from schemas.repository import Repository
from tests.consumers.planner.office import sha

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HELLO = Repository("alice", "hello", "main")
PUSH = Recorded(
    BranchPushed("main", sha(1), sha(2), HELLO),
    Aggregate("local", "alice/hello", "branch", "main"),
    "intake:local:2:branch.pushed",
    seq=7,
    time=NOON,
)
RUN = run_id(PUSH.id, NOON)


def opened(id: str = "OLD", *, age: timedelta = timedelta(seconds=1), **more: Any) -> OpenRun:
    """Return an open run of production that was queued before the push."""
    values: dict[str, Any] = {
        "environment": "production",
        "generation": 1,
        "label": "alice",
        "queued": NOON - age,
        "seq": 3,
    }
    return OpenRun(id=id, **(values | more))


def superseded(*open: OpenRun) -> list[str]:
    """Return which of these runs the push supersedes."""
    decision = decide(Project(pending=(7,), open=open), PUSH, "alice")
    return [id for id, fact in decision if isinstance(fact, RunSuperseded)]


def test_a_push_is_decided_on_once() -> None:
    """A push that has its run leads to nothing; the same push leads to the same run."""
    assert decide(Project(pending=(8,)), PUSH, "alice") == []
    project = Project(pending=(7,), generations={"production": 4, "branch-x": 9})
    assert decide(project, PUSH, "alice") == [
        (RUN, RunQueued("production", 5, "main", sha(2), HELLO, "alice", push=7))
    ]


def test_a_push_that_does_not_continue_asks_the_forge() -> None:
    """What intake was not sure of, source resolves."""
    fact = BranchPushed("main", sha(1), sha(2), HELLO, continues=False)
    push = Recorded(fact, PUSH.of, PUSH.id, PUSH.seq, PUSH.time)

    ((_, queued),) = decide(Project(pending=(7,)), push, "alice")

    assert isinstance(queued, RunQueued)
    assert queued.resolve


def test_older_runs_are_superseded_up_to_the_brake() -> None:
    """Five minutes old, a run is let finish: steady pushing still deploys."""
    limit = timedelta(minutes=5)
    just = limit - timedelta(milliseconds=1)

    assert superseded(opened("A", age=just), opened("B", age=limit), opened("C")) == ["A", "C"]


@pytest.mark.parametrize(
    "more", [{"deploying": True}, {"environment": "branch-x"}, {"rejected": "no handler"}]
)
def test_runs_that_are_left_alone(more: dict[str, Any]) -> None:
    """A run that deploys, of another environment, or that is ending anyway."""
    assert superseded(opened(**more)) == []


@pytest.mark.parametrize(
    ("functions", "ends", "end"),
    [
        (None, {"a": FAILED}, None),
        (("a", "b"), {"a": LIVE}, None),
        (("a",), {"a": LIVE, "z": FAILED}, RunFinished("live")),
        (("a", "b"), {"b": FAILED, "a": "NEWER"}, RunSuperseded("NEWER")),
        ((), {}, RunFinished("empty", "the stack has no functions")),
    ],
)
def test_ends(
    functions: tuple[str, ...] | None, ends: dict[str, str], end: RunFinished | RunSuperseded | None
) -> None:
    """A run ends with its last function, also when a failure came before the stack was known."""
    assert end_of(opened(functions=functions, ends=ends)) == end
