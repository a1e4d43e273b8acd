"""Previews of branches: opened, used, refused and closed by the log alone."""

import itertools
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumers.planner.consumer import Planner
from consumers.planner.previews import Limits
from schemas.envelope import Aggregate
from schemas.environments import Previews
from schemas.events.branch import BranchPushed
from schemas.events.environment import (
    EnvironmentClosed,
    EnvironmentCloseRequested,
    EnvironmentOpened,
    EnvironmentRefused,
    EnvironmentRenewed,
)
from schemas.events.project import ProjectConfigured, ProjectRemoved
from schemas.events.run import (
    Problem,
    RunCancelled,
    RunQueued,
    RunRejected,
    RunRerunRequested,
    RunResolved,
    RunSuperseded,
)
from schemas.events.timer import TimerFired
from tests.consumers.planner.office import PROJECT, Office, sha

COUNT = itertools.count()
ALL = Previews(("*",), expire=3600)
OF_PROJECT = Aggregate("local", PROJECT, "project", "")
DEV = Aggregate("local", PROJECT, "environment", "branch-dev")


async def with_previews(desk: Office, previews: Previews = ALL) -> None:
    """Push to main a stack that asks for previews."""
    await desk.push("main-1", 0, 1)
    (run,) = await desk.facts(RunQueued)
    await desk.write(RunResolved(sha(1), ("hello",), previews=previews), run.of)
    await desk.plan()


async def runs(desk: Office) -> list[tuple[str, int, str]]:
    """Return where each run goes, handling every fact twice."""
    await desk.plan()
    desk.planned = 0
    await desk.plan()
    found = await desk.facts(RunQueued)
    return [(run.fact.environment, run.fact.generation, run.fact.sha) for run in found]


async def test_without_the_field_only_one_branch_is_deployed(desk: Office) -> None:
    """A branch's own stack.yml has no say: previews are said on the way to production."""
    await desk.push("main-1", 0, 1)
    await desk.push("dev-1", 0, 2, branch="dev")
    (run,) = await desk.facts(RunQueued)
    assert run.fact.environment == "production"


async def test_a_preview_s_stack_turns_nothing_on(desk: Office) -> None:
    """What a branch asks for in its preview holds for nobody."""
    await with_previews(desk, Previews(("dev",)))
    await desk.push("dev-1", 0, 2, branch="dev")
    preview = (await desk.facts(RunQueued))[-1]
    await desk.write(RunResolved(sha(2), ("hello",), previews=ALL), preview.of)
    await desk.push("other-1", 0, 3, branch="other")
    assert len(await runs(desk)) == 2


async def test_a_branch_gets_an_environment_of_its_own(desk: Office) -> None:
    """Its own name and generations; opened once, stays longer with each run; once each."""
    await with_previews(desk)
    await desk.push("dev-1", 0, 2, branch="dev")
    await desk.push("dev-2", 2, 3, branch="dev")

    assert await runs(desk) == [
        ("production", 1, sha(1)),
        ("branch-dev", 1, sha(2)),
        ("branch-dev", 2, sha(3)),
    ]
    pushes = await desk.facts(BranchPushed)
    (opened,) = await desk.facts(EnvironmentOpened)
    assert (opened.of, opened.fact.branch) == (DEV, "dev")
    assert opened.fact.until == pushes[1].time + timedelta(hours=1)
    (renewed,) = await desk.facts(EnvironmentRenewed)
    assert renewed.fact.until == pushes[2].time + timedelta(hours=1)
    (superseded,) = await desk.facts(RunSuperseded)
    assert superseded.of.id == (await desk.facts(RunQueued))[1].of.id, "newest wins, per preview"


async def test_a_deleted_branch_closes_its_preview_and_ends_its_runs(desk: Office) -> None:
    """Once; a later push opens it anew, with the next generation."""
    await with_previews(desk)
    await desk.push("dev-1", 0, 2, branch="dev")
    await desk.push("dev-2", 2, 0, branch="dev")
    await runs(desk)

    (closed,) = await desk.facts(EnvironmentClosed)
    assert (closed.of, closed.fact) == (DEV, EnvironmentClosed("branch-deleted", "alice"))
    (cancelled,) = await desk.facts(RunCancelled)
    assert cancelled.of.id == (await desk.facts(RunQueued))[1].of.id

    await desk.push("dev-3", 0, 3, branch="dev")
    assert (await runs(desk))[-1] == ("branch-dev", 2, sha(3))
    assert len(await desk.facts(EnvironmentOpened)) == 2


async def test_it_is_closed_when_nobody_has_used_it(desk: Office) -> None:
    """By its timer; one that fires for a moment before the last use does nothing."""
    await with_previews(desk)
    await desk.push("dev-1", 0, 2, branch="dev")
    await desk.push("dev-2", 2, 3, branch="dev")
    (opened,) = await desk.facts(EnvironmentOpened)
    (renewed,) = await desk.facts(EnvironmentRenewed)
    timer = Aggregate("local", PROJECT, "timer", "preview-expiry/branch-dev")
    await desk.write(TimerFired("preview-expiry", "branch-dev", opened.fact.until), timer)
    await runs(desk)
    assert await desk.facts(EnvironmentClosed) == []

    await desk.write(TimerFired("preview-expiry", "branch-dev", renewed.fact.until), timer)
    await runs(desk)
    (closed,) = await desk.facts(EnvironmentClosed)
    assert closed.fact == EnvironmentClosed("expired", "planner")


async def test_somebody_ends_it_before_its_time(desk: Office) -> None:
    """With who asked; what is closed already stays so, and its runs are not done again."""
    await with_previews(desk)
    await desk.push("dev-1", 0, 2, branch="dev")
    preview = (await desk.facts(RunQueued))[-1]
    for number in (1, 2):
        await desk.bus.log.append(
            EnvironmentCloseRequested(), of=DEV, id=f"test:close:{number}", actor="github:mia"
        )
    await desk.plan()
    await desk.write(RunRerunRequested(), preview.of)

    assert len(await runs(desk)) == 2
    (closed,) = await desk.facts(EnvironmentClosed)
    assert closed.fact == EnvironmentClosed("asked", "github:mia")


async def test_a_removed_project_keeps_no_preview(desk: Office) -> None:
    """All are closed with its open runs."""
    await with_previews(desk)
    for commit, branch in ((2, "dev"), (3, "new")):
        await desk.push(branch, 0, commit, branch=branch)
    await desk.write(ProjectRemoved("deleted"), OF_PROJECT)
    await runs(desk)
    closed = await desk.facts(EnvironmentClosed)
    assert [event.of.id for event in closed] == ["branch-dev", "branch-new"]
    assert len(await desk.facts(RunCancelled)) == 3


async def test_there_are_not_more_than_may_be(desk: Office) -> None:
    """The next one is refused with the cure, once; a push to one that is open is not."""
    await with_previews(desk)
    desk.planner = Planner(desk.bus.log, desk.folds, Limits(previews=1))
    await desk.push("dev-1", 0, 2, branch="dev")
    await desk.push("new-1", 0, 3, branch="new")
    await desk.push("dev-2", 2, 4, branch="dev")
    assert [where for where, *_ in await runs(desk)] == ["production", "branch-dev", "branch-dev"]
    (refused,) = await desk.facts(EnvironmentRefused)
    assert (refused.of.id, refused.fact.sha) == ("branch-new", sha(3))
    assert "1 previews already" in refused.fact.reason
    assert "pushline previews rm" in refused.fact.reason
    assert refused.fact.repository == (await desk.facts(RunQueued))[0].fact.repository


async def test_the_operator_says_how_long_one_stays_unless_its_stack_does(desk: Office) -> None:
    """It is counted from the push."""
    await with_previews(desk, Previews(("*",)))
    desk.planner = Planner(desk.bus.log, desk.folds, Limits(days=2))
    await desk.push("dev", 0, 2, branch="dev")
    await desk.plan()
    (opened,) = await desk.facts(EnvironmentOpened)
    pushed = (await desk.facts(BranchPushed))[-1]
    assert opened.fact.until - pushed.time == timedelta(days=2)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    order=st.permutations([(0, 1), (1, 2), (2, 0)]),
    again=st.lists(st.sampled_from([(0, 1), (1, 2), (2, 0)]), max_size=2),
    each=st.booleans(),
)
async def test_a_branch_that_is_gone_has_no_preview_in_any_order(
    desk: Office, order: list[tuple[int, int]], again: list[tuple[int, int]], *, each: bool
) -> None:
    """Pushed, pushed and deleted, told in any order and twice: no preview is left open."""
    project = f"p{next(COUNT)}/hello"
    said = ProjectConfigured(previews=ALL)
    await desk.write(said, Aggregate("local", project, "project", ""))
    for number, (before, after) in enumerate([*order, *again]):
        await desk.deliver(f"{project}-{number}", before, after, branch="dev", project=project)
        if each:
            await desk.plan()
    await desk.plan()
    rows = desk.folds.projects.rows
    for run in rows[f"local {project}"].open:  # the forge does not have it any more
        gone = RunRejected(sha(1), (Problem("the branch dev is gone"),), "branch_gone")
        await desk.write(gone, Aggregate("local", project, "run", run.id))
    await desk.plan()
    await desk.folds.projects.reached(await desk.bus.log.head())
    assert rows[f"local {project}"].previews == {}
    assert rows[f"local {project}"].open == ()


async def test_owners_say_which_branch_goes_to_production(desk: Office) -> None:
    """And whether there are previews; from then on."""
    said = ProjectConfigured("release", Previews(("main",)))
    await desk.write(said, OF_PROJECT)
    await desk.push("release-1", 0, 1, branch="release")
    await desk.push("main-1", 0, 2)
    assert await runs(desk) == [("production", 1, sha(1)), ("branch-main", 1, sha(2))]
