"""Ends of runs: exactly one each, whatever is delivered twice or late."""

import pytest

from schemas.envelope import Aggregate, Recorded
from schemas.events.project import ProjectRemoved
from schemas.events.run import (
    Problem,
    RunBuildFailed,
    RunCancelled,
    RunFinished,
    RunQueued,
    RunRejected,
    RunSuperseded,
)
from tests.consumers.planner.deployer import deployed, failed, place, started
from tests.consumers.planner.office import PROJECT, Office, sha


async def queued(desk: Office) -> Recorded[RunQueued]:
    """Return the newest run."""
    return (await desk.facts(RunQueued))[-1]


async def finish(desk: Office) -> list[RunFinished]:
    """Plan twice over and return all ends."""
    await desk.plan()
    desk.planned = 0
    await desk.plan()
    return [event.fact for event in await desk.facts(RunFinished)]


async def test_all_functions_live(desk: Office) -> None:
    """A run is live when its last function is; handling everything again adds nothing."""
    await desk.push("1", 0, 1)
    run = await queued(desk)
    await desk.resolve(run, "a", "b")
    await desk.write(deployed(run, "b"), place("b"))
    assert await finish(desk) == []
    await desk.write(deployed(run, "a"), place("a"))

    assert await finish(desk) == [RunFinished("live")]


@pytest.mark.parametrize(
    ("second", "end"),
    [
        ("live", RunFinished("partly", "1 of 2 functions failed: a")),
        ("failed", RunFinished("failed", "2 of 2 functions failed: a, b")),
    ],
)
async def test_some_functions_failed(desk: Office, second: str, end: RunFinished) -> None:
    """A run of which some functions failed says which; of which none is live has failed."""
    await desk.push("1", 0, 1)
    run = await queued(desk)
    await desk.resolve(run, "a", "b")
    await desk.write(RunBuildFailed("a", "build_failed", "pip"), run.of)
    await desk.write(deployed(run, "b") if second == "live" else failed(run), place("b"))

    assert await finish(desk) == [end]


async def test_a_stack_without_functions(desk: Office) -> None:
    """A stack that has no functions ends its run at once."""
    await desk.push("1", 0, 1)
    await desk.resolve(await queued(desk))

    assert [end.outcome for end in await finish(desk)] == ["empty"]


async def test_a_rejected_stack(desk: Office) -> None:
    """The run's end names the first error and counts the others."""
    await desk.push("1", 0, 1)
    problems = (Problem("no handler", line=3), Problem("no lang", line=4))
    await desk.write(RunRejected(sha(1), problems), (await queued(desk)).of)

    assert await finish(desk) == [RunFinished("rejected", "stack.yml:3: no handler, and 1 more")]


async def test_a_superseded_run_never_finishes(desk: Office) -> None:
    """Its functions may still come alive; the run has ended by being superseded."""
    await desk.push("1", 0, 1)
    first = await queued(desk)
    await desk.resolve(first, "a")
    await desk.push("2", 1, 2)
    await desk.write(deployed(first, "a"), place("a"))

    assert await finish(desk) == []
    assert len(await desk.facts(RunSuperseded)) == 1


async def test_a_run_that_deploys_is_let_finish(desk: Office) -> None:
    """A newer push leaves a run alone that has begun to deploy."""
    await desk.push("1", 0, 1)
    first = await queued(desk)
    await desk.resolve(first, "a")
    await desk.write(started(first), place("a"))
    await desk.push("2", 1, 2)
    assert await desk.facts(RunSuperseded) == []
    await desk.write(deployed(first, "a"), place("a"))

    assert await finish(desk) == [RunFinished("live")]


async def test_an_older_run_is_outrun(desk: Office) -> None:
    """A newer generation went live first: the older may not overwrite it, and is superseded."""
    await desk.push("1", 0, 1)
    first = await queued(desk)
    await desk.resolve(first, "a")
    await desk.write(started(first), place("a"))
    await desk.push("2", 1, 2)
    second = await queued(desk)
    await desk.resolve(second, "a")
    await desk.write(deployed(second, "a"), place("a"))

    assert await finish(desk) == [RunFinished("live")]
    (superseded,) = await desk.facts(RunSuperseded)
    assert (superseded.of.id, superseded.fact.by) == (first.of.id, second.of.id)


async def test_a_removed_project_cancels_its_runs(desk: Office) -> None:
    """A repository that is gone has its open runs cancelled."""
    await desk.push("1", 0, 1)
    run = await queued(desk)
    await desk.write(ProjectRemoved("deleted"), Aggregate("local", PROJECT, "project", ""))
    await desk.plan()

    (cancelled,) = await desk.facts(RunCancelled)
    assert cancelled.of == run.of
