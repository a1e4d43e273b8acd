"""What a forge is told of a commit, and in what order."""

from collections.abc import Iterable

import pytest

from consumers.status.commits import Commit, Project, Told, place, reduce
from consumers.status.decide import Saying, next_saying, sayings
from schemas.events import Event
from schemas.events.environment import EnvironmentRefused
from schemas.events.project import ProjectRemoved
from schemas.events.pull import PullClosed, PullHeld
from schemas.events.run import (
    RunBuildFailed,
    RunCancelled,
    RunDelayed,
    RunFinished,
    RunRejected,
    RunResolved,
    RunSuperseded,
)
from schemas.events.status import StatusReported, StatusReportFailed
from tests.consumers.status.story import DIGEST, REPOSITORY, Run, recorded, sha

Facts = Iterable[tuple[str, str, Event]]
A = sha("b")  # of the first run


def after(*facts: tuple[str, str, Event], project: Project | None = None) -> Project:
    """Return the project after some facts."""
    begin = max([one.standing.seq for one in project.commits.values()], default=0) if project else 0
    for seq, (kind, id, fact) in enumerate(facts, start=begin + 1):
        project = reduce(project, recorded(seq, kind, id, fact))
    return project or Project()


def said(project: Project, sha: str = A, environment: str = "production") -> dict[str, str]:
    """Return what is to be seen of a commit: conclusion or status, by function."""
    standing = project.commits[place(environment, sha)].standing
    return {one.function: one.conclusion or one.status for one in sayings(standing, stages=True)}


def told(commit: Commit, saying: Saying) -> Commit:
    """Return the commit after its forge was told something."""
    new = Told(saying.headline, saying.status == "completed", "1")
    return Commit(commit.standing, commit.told | {saying.function: new})


def test_success_is_told_only_of_what_was_seen_ready() -> None:
    """Before a rollout was seen nothing is a success, whoever says that the run is live."""
    run = Run(1)
    half = (*run.begun("a", "b"), run.started("a"), run.deployed("a"), run.started("b"))

    assert said(after(*half)) == {"": "in_progress", "a": "success", "b": "in_progress"}
    lies = said(after(*half, run.ended("live")))
    assert lies == {"": "in_progress", "a": "success", "b": "cancelled"}
    assert set(said(after(*half, run.deployed("b"), run.ended("live"))).values()) == {"success"}


@pytest.mark.parametrize(
    ("end", "stack", "function"),
    [
        (RunSuperseded(by="x"), "cancelled", "cancelled"),
        (RunCancelled(by="octocat"), "cancelled", "cancelled"),
        (RunFinished("rejected", "the name is taken"), "failure", "cancelled"),
        (RunFinished("failed", "timed out after 24 h"), "failure", "cancelled"),
    ],
)
def test_what_a_run_leaves_behind_is_told_as_cancelled(
    end: Event, stack: str, function: str
) -> None:
    """No check stays in progress when its run has ended."""
    run = Run(1)
    assert said(after(*run.begun("a"), ("run", run.id, end))) == {"": stack, "a": function}


def test_ends_are_told_as_they_were() -> None:
    """A rejected stack, a failed build, a failed deploy, and a stack without functions."""
    one = Run(1)
    rejected = after(
        ("run", one.id, one.queued),
        ("run", one.id, RunRejected(A, ())),
        one.ended("rejected", "no handler"),
    )
    mixed = after(
        *one.begun("a", "b", "c"),
        ("run", one.id, RunBuildFailed("a", "exit", "pip failed")),
        one.failed("b"),
        one.deployed("c"),
        one.ended("partly", "2 of 3 functions failed"),
    )
    empty = after(("run", one.id, one.queued), ("run", one.id, RunResolved(A, ())))

    assert said(rejected) == {"": "failure"}
    assert said(mixed) == {"": "failure", "a": "success", "b": "failure", "c": "success"} | {
        "a": "failure"
    }
    assert said(after(one.ended("empty"), project=empty)) == {"": "neutral"}


def test_the_newest_state_takes_the_place_of_what_was_not_sent() -> None:
    """The stack comes first, then what has ended; nothing is said twice."""
    run = Run(1)
    commit = after(*run.live("a", "b")).commits[place("production", A)]
    order = []
    while saying := next_saying(commit, stages=True):
        order.append((saying.function, saying.conclusion))
        commit = told(commit, saying)

    assert order == [("", "success"), ("a", "success"), ("b", "success")]


def test_while_a_run_goes_on_only_its_steps_are_worth_a_message() -> None:
    """The stack is told of four steps, each function of few; fewer where a forge has no words."""
    run = Run(1)
    for stages, most in ((True, 4 + 2 * 4), (False, 3 + 2 * 3)):
        project, headlines = Project(), set()
        for seq, (kind, id, fact) in enumerate(run.live("a", "b"), start=1):
            project = reduce(project, recorded(seq, kind, id, fact)) or Project()
            standing = project.commits[place("production", A)].standing
            headlines |= {(x.function, x.headline) for x in sayings(standing, stages=stages)}
        assert len(headlines) <= most


def test_a_function_that_nobody_was_told_of_is_not_cancelled() -> None:
    """A push that was superseded at once leaves one cancelled check, not one for each function."""
    run = Run(1)
    project = after(*run.begun("a", "b"), ("run", run.id, RunSuperseded(by="x")))
    commit = project.commits[place("production", A)]
    first = next_saying(commit, stages=True)
    assert first is not None
    assert next_saying(told(commit, first), stages=True) is None

    began = Told(f"{run.id} in_progress building")
    knows = Commit(commit.standing, {"": told(commit, first).told[""], "b": began})
    second = next_saying(knows, stages=True)
    assert second is not None
    assert (second.function, second.conclusion) == ("b", "cancelled")


def test_a_commit_that_runs_again_begins_anew() -> None:
    """Its checks go back to work, and an older run has no say in them any more."""
    one, two = Run(1), Run(2, sha=A)
    project = after(*one.live("a"), ("run", two.id, two.queued), one.ended("failed"))
    assert said(project) == {"": "queued"}

    assert said(after(*two.live("a"), project=project)) == {"": "success", "a": "success"}


def test_a_run_that_took_a_newer_commit_tells_of_both() -> None:
    """The pushed commit is cancelled, the one that source found has the run's checks."""
    run, newer = Run(1), sha("f")
    facts = (("run", run.id, run.queued), ("run", run.id, RunResolved(newer, ("a",))))
    project = after(*facts, run.deployed("a"), run.ended("live"))

    assert said(project) == {"": "cancelled"}
    assert said(project, newer) == {"": "success", "a": "success"}


def test_a_forks_commit_waits_for_a_member() -> None:
    """It asks for action until it has a run, or its pull request is closed."""
    held = PullHeld(7, A, REPOSITORY, "eve", "pr-7", 3)
    waits = after(("pull", "7", held))
    run = Run(1, "pr-7", pull=7)
    runs = after(("run", run.id, run.queued), project=waits)

    assert said(waits, environment="pr-7") == {"": "action_required"}
    assert said(runs, environment="pr-7") == {"": "queued"}
    closed = after(("pull", "7", PullClosed(7, A)), project=waits)
    assert said(closed, environment="pr-7") == {"": "cancelled"}


def test_a_commit_without_a_preview_says_why() -> None:
    """It is neither a success nor a failure, at any forge; what ran of that commit stays."""
    run, other = Run(1), Run(2, "branch-x", sha=A)
    refused = EnvironmentRefused("x", A, "there are 20 previews already", 9)
    nobody = after(("environment", "branch-x", refused))
    named = EnvironmentRefused("x", A, "there are too many", 9, repository=REPOSITORY)
    first = after(("environment", "branch-x", named))
    project = after(("run", run.id, run.queued), ("environment", "branch-x", refused))
    ran = after(("run", other.id, other.queued), ("environment", "branch-x", refused))

    assert nobody.commits == {}  # written before it named its repository
    assert said(first, environment="branch-x") == {"": "neutral"}
    assert said(project, environment="branch-x") == {"": "neutral"}
    assert project.commits[place("branch-x", A)].standing.message == refused.reason
    assert said(ran, environment="branch-x") == {"": "queued"}


def test_what_a_forge_knows_is_not_said_again() -> None:
    """A report that is in the log counts, as does one that was refused for good."""
    run = Run(1)
    project = after(("run", run.id, run.queued))
    at = place("production", A)
    saying = next_saying(project.commits[at], stages=True)
    assert saying is not None

    for fact, known in (
        (StatusReported("production", A, saying.headline, 1, check="5"), True),
        (StatusReportFailed("production", A, saying.headline, 1, "c", "m"), True),
        (StatusReportFailed("production", A, saying.headline, 1, "c", "m", waits=True), False),
    ):
        turned = after(("status", "x", fact), project=project).commits[at]
        assert (next_saying(turned, stages=True) is None) == known
        assert next_saying(turned, stages=True, afresh=frozenset({""})) == saying


def test_a_run_that_waits_says_so_until_it_goes_on() -> None:
    """What is away, the stack's check tells; the next fact ends that."""
    run = Run(1)
    waits = after(("run", run.id, run.queued), ("run", run.id, RunDelayed("source", "x", "away")))
    commit = waits.commits[place("production", A)]
    assert commit.standing.delayed == "source: away"
    assert sayings(commit.standing, stages=True)[0].headline.endswith("queued delayed")

    goes_on = after(("run", run.id, RunResolved(A, ("a",))), project=waits)
    assert goes_on.commits[place("production", A)].standing.delayed == ""


def test_only_the_newest_of_what_is_over_is_kept() -> None:
    """A project of many pushes takes little memory; one that is gone takes none."""
    project = Project()
    for number in range(1, 101):
        run = Run(number, sha=f"{number:040x}")
        project = after(("run", run.id, run.queued), run.ended("failed"), project=project)
    assert len(project.commits) == 41

    assert place("production", f"{100:040x}") in project.commits
    assert reduce(project, recorded(999, "project", "", ProjectRemoved("deleted"))) is None


def test_what_waits_for_its_forge_is_kept_until_all_is_told() -> None:
    """Also of a project whose many newer commits are over; then it goes as they do."""
    run, fact = Run(1), StatusReportFailed("production", A, "x", 1, "c", "m", waits=True)
    project = after(("run", run.id, run.queued), ("status", "x", fact), run.ended("failed"))
    for number in range(2, 60):
        newer = Run(number, sha=f"{number:040x}")
        project = after(("run", newer.id, newer.queued), newer.ended("failed"), project=project)
    waiting = project.commits[place("production", A)]
    saying = next_saying(waiting, stages=True)
    assert waiting.waits is not None
    assert saying is not None

    told = StatusReported("production", A, saying.headline, 1, check="5")
    project = after(("status", "x", told), project=project)
    assert project.commits[place("production", A)].waits is None
    project = after(("run", "y", Run(60, sha=f"{60:040x}").queued), project=project)
    assert place("production", A) not in project.commits


def test_a_promotion_is_told_with_its_origin() -> None:
    """Recorded artefacts that are deployed again were built by nobody."""
    run = Run(1, promotes="01JDQ3M5N8P9R2S4T6V7W8X9YZ", artefacts=(5,), asked="octocat")
    project = after(*run.live("a"))
    standing = project.commits[place("production", A)].standing

    assert (standing.again, standing.asked, standing.functions[0].image) == (
        True,
        "octocat",
        DIGEST,
    )
