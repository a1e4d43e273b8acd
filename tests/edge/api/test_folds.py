"""The folds of the API, on plain values: what a push looks like afterwards."""

import functools
from datetime import UTC, datetime, timedelta

from edge.api import functions, projects, runs
from edge.api.functions import Failure, Function
from edge.api.projects import Project
from edge.api.runs import Run
from schemas.envelope import Aggregate, Recorded
from schemas.events import Event
from schemas.events.branch import BranchDeleted, BranchPushed
from schemas.events.function import (
    FunctionClaimed,
    FunctionDeployed,
    FunctionDeployFailed,
    FunctionDeployStarted,
    FunctionRemoved,
)
from schemas.events.project import ProjectRemoved, ProjectRenamed, ProjectUpdated
from schemas.events.run import (
    Problem,
    RunArchived,
    RunBuildFailed,
    RunBuildStarted,
    RunBuilt,
    RunCancelled,
    RunDelayed,
    RunFinished,
    RunQueued,
    RunRejected,
    RunResolved,
    RunSuperseded,
)
from schemas.ids import run_id
from schemas.repository import Repository

BEGUN = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHA, OTHER = "a" * 40, "b" * 40
IMAGE = "sha256:" + "1" * 64
RUN = run_id("intake:1", BEGUN)
OF_RUN = Aggregate("local", "alice/hello", "run", RUN)
OF_HELLO = Aggregate("local", "alice/hello", "function", "production/hello")
OF_BRANCH = Aggregate("local", "alice/hello", "branch", "main")
OF_PROJECT = Aggregate("local", "alice/hello", "project", "")
REPOSITORY = Repository("alice", "hello", "main")

QUEUED = RunQueued(
    environment="production",
    generation=1,
    branch="main",
    sha=SHA,
    repository=REPOSITORY,
    label="alice",
    pusher="alice",
)
STARTED = FunctionDeployStarted(run=RUN, generation=1, revision="r1", image=IMAGE)
DEPLOYED = FunctionDeployed(
    run=RUN,
    generation=1,
    revision="r1",
    image=IMAGE,
    spec=IMAGE,
    sha=SHA,
    label="alice",
    environment="production",
    function="hello",
    upstream="unix:fn-1.sock",
    start_ms=40,
)


def recorded(*facts: tuple[Aggregate, Event]) -> list[Recorded[Event]]:
    """Return facts as they stand in the log, 100 ms apart."""
    return [
        Recorded(
            fact=fact,
            of=of,
            id=f"test:{seq}",
            seq=seq,
            time=BEGUN + timedelta(milliseconds=100 * seq),
            actor="planner",
            name="alice/hello",
        )
        for seq, (of, fact) in enumerate(facts, start=1)
    ]


def a_run(*facts: Event) -> Run:
    """Return the row of the run after these facts."""
    events = recorded(
        *((OF_HELLO if type(fact).__name__.startswith("F") else OF_RUN, fact) for fact in facts)
    )
    assert {runs.key(event) for event in events} == {RUN}
    row = functools.reduce(runs.reduce, events, None)
    assert row
    return row


def test_a_run_from_queued_to_live() -> None:
    """Each step leaves its time; the end has the outcome."""
    archived = RunArchived(function="hello", archive=IMAGE, spec=IMAGE, language="python3-http")
    row = a_run(
        QUEUED,
        RunResolved(sha=SHA, functions=("hello",)),
        archived,
        RunBuildStarted(function="hello"),
        RunBuilt(function="hello", image=IMAGE, spec=IMAGE, tool_ms=70),
        STARTED,
        DEPLOYED,
        RunFinished(outcome="live"),
    )

    hello = row.parts["hello"]
    times = [
        row.queued,
        row.resolved,
        hello.archived,
        hello.build_started,
        hello.built,
        hello.deploy_started,
        hello.deployed,
        row.ended,
    ]
    assert times == [BEGUN + timedelta(milliseconds=100 * seq) for seq in range(1, 9)]
    assert (row.outcome, row.pusher, row.seq) == ("live", "alice", 1)
    assert (hello.tool_ms, hello.start_ms, hello.language) == (70, 40, "python3-http")


def test_a_run_under_way_says_how_far_it_is() -> None:
    """Building while nothing is deployed, deploying from the first function on."""
    built = RunBuilt(function="hello", image=IMAGE, spec=IMAGE)
    late = RunArchived(function="other", archive=IMAGE, spec=IMAGE, language="static")

    assert a_run(QUEUED).outcome == "queued"
    assert a_run(QUEUED, RunResolved(sha=SHA, functions=("hello",))).outcome == "building"
    assert a_run(QUEUED, built, STARTED, late).outcome == "deploying"


def test_a_rejected_run_keeps_its_problems_and_its_first_end() -> None:
    """Planner may close what source rejected; that changes neither problems nor time."""
    problem = Problem("unknown language", "one of python3-http, static", line=7)
    rejected = RunRejected(sha=SHA, problems=(problem,))

    row = a_run(QUEUED, rejected, RunFinished(outcome="rejected"))

    assert (row.outcome, row.problems) == ("rejected", (problem,))
    assert row.ended == BEGUN + timedelta(milliseconds=200)


def test_a_failed_build_is_told_with_its_last_lines() -> None:
    """Nobody has to look for the log to learn why."""
    failed = RunBuildFailed(function="hello", code="build_failed", message="no", tail=("a", "b"))

    row = a_run(QUEUED, failed, RunFinished(outcome="failed", message="hello: no"))

    assert (row.parts["hello"].message, row.parts["hello"].tail) == ("no", ("a", "b"))
    assert (row.outcome, row.message) == ("failed", "hello: no")


def test_a_failed_deploy_belongs_to_its_run() -> None:
    """A fact about a function is told in the run that it names."""
    failed = FunctionDeployFailed(
        run=RUN, generation=1, revision="r1", code="deploy_failed", message="not ready"
    )

    part = a_run(QUEUED, STARTED, failed).parts["hello"]

    assert (part.code, part.message, part.deployed) == ("deploy_failed", "not ready", None)
    assert part.failed


def test_what_a_run_waits_for_is_told_while_it_waits() -> None:
    """The store away, then the registry: each is named until its step goes on."""
    store = RunDelayed(step="source", code="blobs_unavailable", message="the store is away")
    registry = RunDelayed("builder", "registry_unavailable", "the registry is away", "hello")
    resolved = RunResolved(sha=SHA, functions=("hello",))
    built = RunBuilt(function="hello", image=IMAGE, spec=IMAGE)

    assert a_run(QUEUED, store).waits == {"source": "the store is away"}
    assert a_run(QUEUED, store, resolved).waits == {}
    assert a_run(QUEUED, registry).waits == {"builder hello": "the registry is away"}
    assert a_run(QUEUED, store, registry, built).waits == {"source": "the store is away"}
    assert a_run(QUEUED, store, registry, RunSuperseded(by="01NEWER")).waits == {}


def test_who_ended_a_run_is_told() -> None:
    """Superseded names the newer run, cancelled the person."""
    assert a_run(QUEUED, RunSuperseded(by="01NEWER")).by == "01NEWER"
    assert a_run(QUEUED, RunCancelled(by="bob")).outcome == "cancelled"


def test_facts_before_queued_make_no_run() -> None:
    """A run is known from run.queued on; without it there is nothing to show."""
    [event] = recorded((OF_RUN, RunFinished(outcome="live")))

    assert runs.reduce(None, event) is None


def a_function(*facts: Event) -> Function | None:
    """Return the row of the function after these facts."""
    return functools.reduce(functions.reduce, recorded(*((OF_HELLO, fact) for fact in facts)), None)


def test_a_function_is_live_with_its_commit() -> None:
    """After a deploy the row says what runs, since when, made from what."""
    row = a_function(FunctionClaimed(label="alice", function="hello"), STARTED, DEPLOYED)

    assert row
    assert (row.label, row.environment, row.function) == ("alice", "production", "hello")
    assert (row.status, row.sha, row.revision, row.deploys) == ("live", SHA, "r1", 1)
    assert functions.key(recorded((OF_HELLO, DEPLOYED))[0]) == "local:alice/hello:production/hello"


def test_a_failed_deploy_leaves_the_old_revision_live() -> None:
    """The row says that what ran still runs, and why the new one does not."""
    failed = FunctionDeployFailed(
        run="r", generation=2, revision="r2", code="deploy_failed", message="not ready"
    )

    first, later = a_function(STARTED, failed), a_function(DEPLOYED, STARTED, failed)

    assert first
    assert later
    assert (first.status, first.revision) == ("failed", "")
    assert (later.status, later.revision) == ("live", "r1")
    assert isinstance(later.failure, Failure)
    assert later.failure.message == "not ready"


def test_a_later_deploy_forgets_the_failure() -> None:
    """What was repaired is not told for ever."""
    failed = FunctionDeployFailed(run="r", generation=1, revision="r0", code="c", message="m")
    row = a_function(failed, DEPLOYED)

    assert row
    assert row.failure is None


def test_a_removed_function_is_gone() -> None:
    """Its row goes, and a removal of nothing makes none."""
    removed = FunctionRemoved(label="alice", environment="production", function="hello")

    assert a_function(DEPLOYED, removed) is None
    assert a_function(removed) is None


def a_project(*facts: tuple[Aggregate, Event]) -> Project | None:
    """Return the row of the project after these facts."""
    return functools.reduce(projects.reduce, recorded(*facts), None)


def test_a_project_counts_runs_and_knows_its_last() -> None:
    """The last run's end is told; the end of an older one changes nothing."""
    older = Aggregate("local", "alice/hello", "run", "older")
    row = a_project(
        (OF_BRANCH, BranchPushed("main", OTHER, SHA, REPOSITORY)),
        (older, QUEUED),
        (OF_RUN, QUEUED),
        (OF_RUN, RunFinished(outcome="live")),
        (older, RunFinished(outcome="failed")),
        (OF_HELLO, FunctionClaimed("alice", "hello")),
    )

    assert row
    assert (row.runs, row.last_run, row.last_outcome) == (2, RUN, "live")
    assert (row.functions, row.label, row.branches) == (("hello",), "alice", {"main": SHA})


def test_a_project_may_be_renamed_lose_a_branch_and_go() -> None:
    """The name is a label; the forge's id stays."""
    pushed = (OF_BRANCH, BranchPushed("main", OTHER, SHA, REPOSITORY))
    renamed = (OF_PROJECT, ProjectRenamed(owner="bob", repository="hi"))
    row = a_project(pushed, (OF_BRANCH, BranchDeleted("main", SHA)), renamed)

    assert row
    assert (row.name, row.project, row.branches) == ("bob/hi", "alice/hello", {})
    assert a_project(pushed, (OF_PROJECT, ProjectRemoved(reason="deleted"))) is None


def test_a_project_says_whether_it_is_private() -> None:
    """As it was pushed, or changed since; one that we do not know is told of for nothing."""
    pushed = (OF_BRANCH, BranchPushed("main", OTHER, SHA, REPOSITORY))
    updated = (OF_PROJECT, ProjectUpdated("alice", "hello", private=True))
    rows = [a_project(pushed), a_project(pushed, updated)]

    assert [row is not None and row.private for row in rows] == [False, True]
    assert a_project(updated) is None
