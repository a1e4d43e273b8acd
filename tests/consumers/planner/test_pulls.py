"""Pull requests: previews of their own, forks held until a member has approved that very commit."""

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.envelope import Aggregate, E
from schemas.environments import Previews
from schemas.events import Event
from schemas.events.environment import EnvironmentClosed, EnvironmentOpened, EnvironmentRefused
from schemas.events.project import ProjectConfigured
from schemas.events.pull import PullApproved, PullClosed, PullHeld, PullOpened, PullUpdated
from schemas.events.run import RunCancelled, RunQueued
from schemas.repository import Repository
from tests.consumers.planner.office import Office, sha

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HELLO = Repository("alice", "hello", "main")
COUNT = itertools.count()


def at(minute: int) -> datetime:
    """Return a moment of the forge's clock."""
    return NOON + timedelta(minutes=minute)


def opened(commit: int, minute: int = 0, *, fork: bool = False) -> PullOpened:
    """Return that pull request 7 is open."""
    head = "bob/hello" if fork else "alice/hello"
    return PullOpened(7, "fix", sha(commit), "main", HELLO, "bob", fork, head, at(minute))


def updated(commit: int, minute: int, *, fork: bool = False) -> PullUpdated:
    """Return that its branch has moved."""
    head = "bob/hello" if fork else "alice/hello"
    return PullUpdated(7, "fix", sha(commit), "main", HELLO, "bob", fork, head, at(minute))


class Forge:
    """Tells the log of pull request 7 of a project of its own."""

    def __init__(self, desk: Office) -> None:
        """Have a project that nobody has heard of."""
        self.desk = desk
        self.project = str(next(COUNT))

    def of(self, kind: str, id: str) -> Aggregate:
        """Return something of the project."""
        return Aggregate("github", self.project, kind, id)

    async def says(self, *facts: Event) -> None:
        """Record what it says, as it comes."""
        for fact in facts:
            await self.desk.write(fact, self.of("pull", "7"))

    async def runs(self) -> list[RunQueued]:
        """Return the runs, handling every fact twice."""
        await self.desk.plan()
        self.desk.planned = 0
        await self.desk.plan()
        return await self.facts(RunQueued)

    async def facts(self, kind: type[E]) -> list[E]:
        """Return all facts of one kind about the project."""
        found = await self.desk.facts(kind)
        return [event.fact for event in found if event.of.project == self.project]


async def forge(desk: Office, *, pulls: bool = True) -> Forge:
    """Return a forge with a project whose owners want previews of pull requests, or do not."""
    told = Forge(desk)
    said = ProjectConfigured(previews=Previews(pull_requests=pulls))
    await desk.write(said, told.of("project", ""))
    return told


async def test_a_pull_request_gets_a_preview_of_its_own(desk: Office) -> None:
    """Opened with it, one run a commit, told twice or not; closed and cancelled with it."""
    github = await forge(desk)
    await github.says(opened(1), updated(1, 1), updated(2, 2))
    first, second = await github.runs()
    assert (first.environment, first.sha, first.pull, first.resolve) == ("pr-7", sha(1), 7, True)
    assert (second.generation, second.sha, second.resolve) == (2, sha(2), False)
    assert (second.branch, second.ref, second.pusher) == ("fix", "", "bob")
    assert [fact.pull for fact in await github.facts(EnvironmentOpened)] == [7]

    await github.says(PullClosed(7, sha(2), merged=True, updated=at(3)))
    await github.runs()
    (closed,) = await github.facts(EnvironmentClosed)
    assert closed.reason == "pull-closed"
    assert len(await github.facts(RunCancelled)) == 1

    await github.says(opened(2, 4))
    assert len(await github.runs()) == 3, "opened again it is shown again"


async def test_it_takes_the_owners_word(desk: Office) -> None:
    """Where nobody asks for previews of pull requests there are none."""
    github = await forge(desk, pulls=False)
    await github.says(opened(1))
    assert await github.runs() == []


async def test_a_commit_of_a_fork_is_held_until_it_is_approved(desk: Office) -> None:
    """That very commit alone, by its ref in the base; the next one waits again."""
    github = await forge(desk)
    await github.says(opened(1, fork=True))
    assert await github.runs() == []
    (held,) = await github.facts(PullHeld)
    assert (held.number, held.sha, held.environment) == (7, sha(1), "pr-7")

    await github.says(updated(2, 1, fork=True), PullApproved(7, sha(1)))
    (run,) = await github.runs()
    assert (run.sha, run.ref, run.resolve) == (sha(1), "refs/pull/7/head", False)
    assert [fact.sha for fact in await github.facts(PullHeld)] == [sha(1), sha(2)]


async def test_an_approval_of_anything_else_is_none(desk: Office) -> None:
    """Of a commit that the pull request never had, or after its end."""
    github = await forge(desk)
    await github.says(opened(1, fork=True), PullApproved(7, sha(9)))
    await github.says(PullClosed(7, sha(1), updated=at(1)), PullApproved(7, sha(1)))
    assert await github.runs() == []


async def test_what_closed_before_its_turn_is_not_shown(desk: Office) -> None:
    """Both facts are there before the planner looks: nothing is queued, and it says why."""
    github = await forge(desk)
    await github.says(opened(1), PullClosed(7, sha(1), updated=at(1)))
    assert await github.runs() == []
    (refused,) = await github.facts(EnvironmentRefused)
    assert "pull request 7 was closed" in refused.reason


TOLD = [
    opened(1, 0),
    updated(2, 1),
    updated(3, 2),
    PullClosed(7, sha(3), updated=at(3)),
]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=st.permutations(TOLD[:3]), again=st.lists(st.sampled_from(TOLD[:3]), max_size=3))
async def test_the_newest_commit_is_shown_in_any_order(
    desk: Office, order: list[Event], again: list[Event]
) -> None:
    """Whatever comes late or twice, the last run is of the newest commit, or asks the forge."""
    github = await forge(desk)
    await github.says(*order, *again)
    runs = await github.runs()
    assert runs[-1].resolve or runs[-1].sha == sha(3)
    assert [run.generation for run in runs] == list(range(1, len(runs) + 1))
    assert len({run.push for run in runs}) == len(runs)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=st.permutations(TOLD), each=st.booleans())
async def test_what_is_closed_stays_so_in_any_order(
    desk: Office, order: list[Event], *, each: bool
) -> None:
    """No late word of an older moment opens it, whether the planner looks in between or not."""
    github = await forge(desk)
    for fact in order:
        await github.says(fact)
        if each:
            await desk.plan()
    await github.runs()
    opens = await github.facts(EnvironmentOpened)
    assert len(opens) == len(await github.facts(EnvironmentClosed))
