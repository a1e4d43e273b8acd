"""Promotion and rollback: recorded artefacts in a run of their own, and nothing is built."""

import pytest

from schemas.envelope import Aggregate, Recorded
from schemas.environments import Previews
from schemas.events.environment import EnvironmentPromoteRequested
from schemas.events.function import FunctionDeployed, FunctionRollbackRequested
from schemas.events.run import (
    RunBuilt,
    RunFinished,
    RunQueued,
    RunRerunRequested,
    RunResolved,
    RunSuperseded,
)
from schemas.ids import run_id
from tests.consumers.planner.deployer import deployed
from tests.consumers.planner.office import PROJECT, Office, sha
from tests.consumers.planner.test_killed import MortalLog, Reborn

NAMES = ("a", "b")
DEV = "branch-dev"


def of(kind: str, id: str, project: str = PROJECT) -> Aggregate:
    """Return something of a project."""
    return Aggregate("local", project, kind, id)


async def live(desk: Office, *names: str, project: str = PROJECT) -> list[int]:
    """Have the newest run's functions live; return the sequences that say so."""
    run = (await desk.facts(RunQueued))[-1]
    await desk.write(RunResolved(run.fact.sha, names, previews=Previews(("dev",))), run.of)
    seqs = []
    for name in names:
        place = of("function", f"{run.fact.environment}/{name}", project)
        seqs.append((await desk.write(deployed(run, name), place)).seq)
    await desk.plan()
    return seqs


async def preview(desk: Office, project: str = PROJECT) -> tuple[Recorded[RunQueued], list[int]]:
    """Push to main and to a preview; return the preview's run and what it made live."""
    await desk.push(f"{project}-1", 0, 1, project=project)
    await live(desk, *NAMES, project=project)
    await desk.push(f"{project}-2", 0, 2, branch="dev", project=project)
    seqs = await live(desk, *NAMES, project=project)
    return (await desk.facts(RunQueued))[-1], seqs


async def promote(
    desk: Office, run: Recorded[RunQueued], seqs: list[int]
) -> Recorded[EnvironmentPromoteRequested]:
    """Ask for a promotion."""
    fact = EnvironmentPromoteRequested(run.of.id, tuple(seqs), "good")
    place = of("environment", DEV, run.of.project)
    seq = await desk.bus.log.append(
        fact, of=place, id=f"edge:{run.of.project}:{run.of.id}", actor="github:mia"
    )
    return await desk.bus.log.get(seq)  # type: ignore[return-value] # which was just written


async def twice(desk: Office) -> None:
    """Plan, handling every fact twice."""
    await desk.plan()
    desk.planned = 0
    await desk.plan()


async def test_a_preview_s_artefacts_become_production(desk: Office) -> None:
    """One batch: queued, resolved, built; who asked and why; the same images and commit."""
    run, seqs = await preview(desk)
    request = await promote(desk, run, seqs)
    await twice(desk)

    (_, _, queued) = await desk.facts(RunQueued)
    fact = queued.fact
    assert queued.of.id == run_id(request.id, request.time)
    assert (fact.environment, fact.generation, fact.sha) == ("production", 2, sha(2))
    assert (fact.promotes, fact.artefacts) == (run.of.id, tuple(seqs))
    assert (fact.asked, fact.reason, fact.push, fact.resolve) == ("github:mia", "good", 0, False)
    resolved = [each for each in await desk.facts(RunResolved) if each.of == queued.of]
    assert [(each.fact, each.seq) for each in resolved] == [
        (RunResolved(sha(2), NAMES), queued.seq + 1)
    ]
    made = await desk.facts(RunBuilt)
    was = [await desk.bus.log.get(seq) for seq in seqs]
    assert [(one.of, one.fact.image, one.fact.spec, one.fact.revision) for one in made] == [
        (queued.of, each.fact.image, each.fact.spec, "")
        for each in was
        if isinstance(each.fact, FunctionDeployed)
    ]
    assert all(one.fact.cached for one in made)
    await live(desk, *NAMES)
    ends = [end.fact for end in await desk.facts(RunFinished) if end.of == queued.of]
    assert ends == [RunFinished("live")]


async def test_it_supersedes_what_is_on_its_way_to_production(desk: Office) -> None:
    """Newest wins: the last word is the promotion, and a later push is the last word again."""
    run, seqs = await preview(desk)
    await desk.push("3", 1, 3)
    pushed = (await desk.facts(RunQueued))[-1]
    await promote(desk, run, seqs)
    await desk.plan()
    assert [end.of.id for end in await desk.facts(RunSuperseded)] == [pushed.of.id]
    await desk.push("4", 3, 4)
    newest = (await desk.facts(RunQueued))[-1].fact
    assert (newest.sha, newest.generation) == (sha(4), 4)


async def test_a_preview_s_previews_say_nothing(desk: Office) -> None:
    """A promoted run tells of no stack: the pushed one's word holds."""
    run, seqs = await preview(desk)
    await promote(desk, run, seqs)
    await desk.plan()
    await desk.push("3", 2, 3, branch="dev")
    assert (await desk.facts(RunQueued))[-1].fact.environment == DEV


async def test_a_function_goes_back_to_the_revision_it_had(desk: Office) -> None:
    """That function alone, under a new generation; a push on its way goes on beside it."""
    await desk.push("1", 0, 1)
    first = await live(desk, *NAMES)
    await desk.push("2", 1, 2)
    await live(desk, *NAMES)
    await desk.push("3", 2, 3)
    place = of("function", "production/a")
    await desk.write(FunctionRollbackRequested("r", first[0]), place)
    await twice(desk)

    queued = (await desk.facts(RunQueued))[-1].fact
    assert (queued.environment, queued.generation, queued.sha) == ("production", 4, sha(1))
    (built,) = await desk.facts(RunBuilt)
    assert (built.fact.function, built.fact.revision) == ("a", "r")
    assert await desk.facts(RunSuperseded) == []


async def test_done_again_it_builds_nothing_either(desk: Office) -> None:
    """A rerun of such a run deploys the same artefacts once more, while it is the newest."""
    run, seqs = await preview(desk)
    await promote(desk, run, seqs)
    await desk.plan()
    promoted = (await desk.facts(RunQueued))[-1]
    await live(desk, *NAMES)
    await desk.write(RunRerunRequested(), promoted.of)
    await twice(desk)

    again = (await desk.facts(RunQueued))[-1].fact
    assert (again.promotes, again.artefacts) == (run.of.id, tuple(seqs))
    assert (again.generation, len(await desk.facts(RunBuilt))) == (3, 4)


@pytest.mark.parametrize("what", ["project", "fact", "runs"])
async def test_what_is_none_of_ours_is_not_deployed(desk: Office, what: str) -> None:
    """Another project's artefact, a fact of another kind, functions of two runs: no run."""
    run, seqs = await preview(desk)
    if what == "project":
        await preview(desk, "eve/hello")
        seqs = [(await desk.facts(FunctionDeployed))[-1].seq]
    elif what == "fact":
        seqs = [run.seq]
    else:
        seqs = [seqs[0], (await desk.facts(FunctionDeployed))[0].seq]
    before = len(await desk.facts(RunQueued))
    await promote(desk, run, seqs)
    await twice(desk)
    assert len(await desk.facts(RunQueued)) == before


async def test_killed_between_any_two_steps(desk: Office) -> None:
    """One run with all of its facts, wherever the planner dies."""
    deaths = 0
    for steps in range(8):
        project = f"p{steps}/hello"
        run, seqs = await preview(desk, project)
        await promote(desk, run, seqs)
        log = MortalLog(desk.bus.log, steps)
        desk.planner = Reborn(log, desk.folds)
        await desk.plan()
        deaths += log.steps < 0
        runs = [each for each in await desk.facts(RunQueued) if each.of.project == project]
        built = [each for each in await desk.facts(RunBuilt) if each.of.project == project]
        assert [each.fact.promotes for each in runs] == ["", "", run.of.id]
        assert [each.of.id for each in built] == [runs[-1].of.id] * 2
    assert deaths >= 2
