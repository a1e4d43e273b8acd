"""What the log says of projects, as recovery keeps it."""

from datetime import UTC, datetime, timedelta

from consumers.recovery import known
from consumers.recovery.known import ENDED, Branch, Project, Pull
from schemas.envelope import Aggregate, Recorded
from schemas.events import Event
from schemas.events.branch import BranchDeleted, BranchPushed, BranchPushOutdated
from schemas.events.project import ProjectInstalled, ProjectRemoved, ProjectRenamed
from schemas.events.pull import PullClosed, PullOpened
from schemas.ids import ZERO_SHA
from schemas.repository import Repository

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
A, B = "a" * 40, "b" * 40
HELLO = Repository("alice", "hello", "main", installation="7")
INSTALLED = ProjectInstalled("alice", "hello", private=False, installation="7")


def told(*facts: tuple[str, str, Event]) -> Project:
    """Return the project after facts about a kind and an id, an hour apart."""
    project = None
    for seq, (kind, id, fact) in enumerate(facts, 1):
        time = BEGAN + timedelta(hours=seq)
        of = Aggregate("github", "1", kind, id)
        event = Recorded(fact, of, str(seq), seq, time)
        assert known.key(event) == "github 1"
        project = known.reduce(project, event)
    assert project is not None
    return project


def pushed(branch: str, before: str, after: str) -> tuple[str, str, Event]:
    """Return a push."""
    return "branch", branch, BranchPushed(branch, before, after, HELLO)


def test_branches_and_pull_requests_are_where_they_were_told_last() -> None:
    """Outdated pushes move nothing, and are the newest fact all the same."""
    project = told(
        ("project", "", INSTALLED),
        pushed("main", ZERO_SHA, A),
        pushed("old", ZERO_SHA, A),
        ("branch", "main", BranchPushOutdated("main", B, B, A)),
        ("branch", "old", BranchDeleted("old", A)),
        ("pull", "1", PullOpened(1, "main", A, "main", HELLO)),
        ("pull", "2", PullClosed(2, B)),
        ("project", "", ProjectRenamed("bob", "hi")),
    )

    assert project.branches == {"main": Branch(A, 4), "old": Branch("", 5)}
    assert project.pulls == {1: Pull(A, seq=6), 2: Pull(B, closed=True, seq=7)}
    assert project.repository.full_name == "bob/hi"
    assert (project.since, project.seq) == (BEGAN + timedelta(hours=1), 8)


def test_what_happens_while_we_are_shut_out_is_not_ours() -> None:
    """A project that is installed again begins anew: what moved before is no news."""
    shut = told(
        ("project", "", INSTALLED),
        pushed("main", ZERO_SHA, A),
        ("project", "", ProjectRemoved("closed")),
        ("project", "", INSTALLED),
    )

    assert (shut.branches, shut.installed, shut.gone) == ({}, True, False)
    assert shut.since == BEGAN + timedelta(hours=4)


def test_installed_is_since_it_was_told() -> None:
    """While the forge could not be asked, pushes may have been lost: they are news."""
    early = BEGAN - timedelta(minutes=5)
    project = told(("project", "", ProjectInstalled("octo", "hello", told=early)))

    assert project.since == early


def test_of_deleted_branches_the_newest_are_remembered() -> None:
    """A project whose branches come and go does not grow for ever."""
    names = [f"b{number}" for number in range(ENDED + 50)]
    deleted = [("branch", name, BranchDeleted(name, A)) for name in names]

    project = told(pushed("main", ZERO_SHA, A), *deleted)

    assert set(project.branches) == {"main", *names[-ENDED:]}
