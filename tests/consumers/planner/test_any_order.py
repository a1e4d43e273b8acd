"""Any order of arrival, any duplication: the newest commit ends up live."""

import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.events.branch import BranchPushed
from schemas.events.run import RunQueued, RunSuperseded
from tests.consumers.planner.office import Office, sha
from tests.consumers.planner.test_killed import MortalLog, Reborn

COUNT = itertools.count()


@st.composite
def arrivals(draw: st.DrawFn) -> list[int]:
    """Return pushes as they arrive: commits 1 to n, each at least once, in any order."""
    commits = list(range(1, draw(st.integers(1, 6)) + 1))
    again = draw(st.lists(st.sampled_from(commits), max_size=4))
    return draw(st.permutations(commits + again))


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(order=arrivals(), together=st.integers(1, 4), death=st.integers(0, 12))
async def test_the_newest_commit_wins(
    desk: Office, order: list[int], together: int, death: int
) -> None:
    """One run per accepted push, and what the last run deploys is the newest commit.

    A run that asks the forge gets the newest one. No run takes an older commit at its word.
    """
    project = f"p{next(COUNT)}/hello"
    desk.planner = Reborn(MortalLog(desk.bus.log, death), desk.folds)
    for place, commit in enumerate(order):
        await desk.deliver(f"{project}-{place}", commit - 1, commit, project=project)
        if place % together == 0:
            await desk.plan()
    await desk.plan()

    newest = max(order)
    runs = [run for run in await desk.facts(RunQueued) if run.of.project == project]
    pushes = [push for push in await desk.facts(BranchPushed) if push.of.project == project]
    assert [run.fact.push for run in runs] == [push.seq for push in pushes]
    assert [run.fact.generation for run in runs] == list(range(1, len(runs) + 1))
    assert runs[-1].fact.resolve or runs[-1].fact.sha == sha(newest)
    at_their_word = [int(run.fact.sha, 16) for run in runs if not run.fact.resolve]
    assert at_their_word == sorted(set(at_their_word))
    superseded = [one for one in await desk.facts(RunSuperseded) if one.of.project == project]
    assert [one.of.id for one in superseded] == [run.of.id for run in runs[:-1]]
