"""What people ask of runs: to end one, to do one again."""

from schemas.events.run import (
    ENDED,
    Problem,
    RunCancelled,
    RunCancelRequested,
    RunQueued,
    RunRejected,
    RunRerunRequested,
    RunResolved,
    RunSuperseded,
)
from tests.consumers.planner.deployer import deployed, place, started
from tests.consumers.planner.office import Office, sha


async def runs(desk: Office) -> list[str]:
    """Return all runs, handling every fact twice."""
    await desk.plan()
    desk.planned = 0
    await desk.plan()
    return [event.of.id for event in await desk.facts(RunQueued)]


async def test_a_cancelled_run_ends_once(desk: Office) -> None:
    """It names who asked, and asking again adds nothing."""
    await desk.push("1", 0, 1)
    (run,) = await desk.facts(RunQueued)
    for number in (1, 2):
        await desk.bus.log.append(
            RunCancelRequested(), of=run.of, id=f"test:cancel:{number}", actor="github:alice"
        )

    await runs(desk)

    ends = await desk.facts(*ENDED)
    assert [(end.of.id, end.fact) for end in ends] == [(run.of.id, RunCancelled("github:alice"))]


async def test_a_run_that_deploys_is_let_finish(desk: Office) -> None:
    """Half of a deploy is nobody's wish."""
    await desk.push("1", 0, 1)
    (run,) = await desk.facts(RunQueued)
    await desk.resolve(run, "hello")
    await desk.write(started(run), place("hello"))
    await desk.write(RunCancelRequested(), run.of)

    await runs(desk)

    assert await desk.facts(*ENDED) == []


async def test_a_run_is_done_again_as_a_new_one(desk: Office) -> None:
    """The commit that source found, the next generation, no push of its own; once."""
    await desk.push("1", 0, 1)
    (run,) = await desk.facts(RunQueued)
    await desk.write(RunResolved(sha(7), ("hello",)), run.of)
    await desk.write(deployed(run, "hello"), place("hello"))
    await desk.plan()
    await desk.write(RunRerunRequested(), run.of)

    assert len(await runs(desk)) == 2

    again = (await desk.facts(RunQueued))[-1].fact
    assert (again.sha, again.resolve, again.push) == (sha(7), False, 0)
    assert (again.generation, again.pusher) == (run.fact.generation + 1, "alice")


async def test_an_older_run_never_takes_a_newer_one_s_place(desk: Office) -> None:
    """Newest wins: what was pushed since stays."""
    await desk.push("1", 0, 1)
    (old,) = await desk.facts(RunQueued)
    await desk.push("2", 1, 2)
    assert len(await desk.facts(RunSuperseded)) == 1
    await desk.write(RunRerunRequested(), old.of)

    assert len(await runs(desk)) == 2


async def test_a_run_under_way_is_not_doubled(desk: Office) -> None:
    """Only what has ended is done again; a run whose stack was refused has."""
    await desk.push("1", 0, 1)
    (run,) = await desk.facts(RunQueued)
    await desk.write(RunRerunRequested(), run.of)
    assert len(await runs(desk)) == 1

    await desk.write(RunRejected(sha(1), (Problem("no handler"),)), run.of)
    await desk.write(RunRerunRequested(), run.of)

    assert len(await runs(desk)) == 2
