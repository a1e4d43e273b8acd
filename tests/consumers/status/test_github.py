"""What GitHub shows of commits, by a played one that refuses what GitHub refuses."""

import asyncio
import random
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest

from bus.connection import Bus
from consumers.forges.checks import APPROVE, CANCEL, parse
from consumers.forges.github.api import Api, Pace
from consumers.forges.github.app import app_of
from consumers.status.github import ANNOTATIONS, Checks, Statuses
from schemas.events import Event
from schemas.events.pull import PullHeld
from schemas.events.run import Problem, RunRejected, RunSuperseded
from schemas.events.status import StatusReportFailed
from schemas.repository import Repository
from tests.consumers.status.desk import Clock, Desk, Forgetful, following
from tests.consumers.status.story import Run
from tests.heavy.forges.github import checks, statuses
from tests.heavy.forges.github.checks import CheckRun
from tests.heavy.forges.github.played import Played
from tests.heavy.forges.github.state import pem

STACK, FUNCTION = "pushline/production", "pushline/production/a"
QUICK = Pace(tries=2, wait=0.001, gap=0)


class Place:
    """A repository that the App is installed at, and the desk of whoever tells of it."""

    def __init__(self, bus: Bus, played: Played) -> None:
        """Make the repository, and install the App."""
        self.world, self.doors = played.world, played.doors
        self.repository = self.world.repository("acme/shop")
        self.installation = self.world.install("acme", self.repository)
        self.app = str(self.world.app_id)
        clock = Clock()
        self.world.clock = lambda: clock().timestamp()
        self.api = Api(app_of(self.app, pem(), played.url), QUICK, clock=self.world.clock)
        made, said = played.areas["Checks"], played.areas["Statuses"]
        assert isinstance(made, checks.Checks)
        assert isinstance(said, statuses.Statuses)
        self.checks, self.statuses = made, said
        told = Checks(self.api, self.app)
        self.desk = Desk(bus, "github", str(self.repository.id), told, clock)
        self.pushed = 0

    def run(self, **more: Any) -> Run:
        """Return the run of one more pushed commit."""
        self.pushed += 1
        sha = more.pop("sha", "") or self.push()
        id = str(self.installation.id)
        repository = more.pop("repository", Repository("acme", "shop", "main", installation=id))
        return Run(self.pushed, sha=sha, repository=repository, **more)

    def push(self) -> str:
        """Push one more commit."""
        return self.world.push(self.repository, "main", {"n": f"{self.pushed}"})

    def all(self, sha: str) -> dict[str, list[CheckRun]]:
        """Return a commit's check runs, by name."""
        return self.checks.of(self.repository, sha)

    def seen(self, run: Run) -> dict[str, str]:
        """Return what people see of a commit, of which each context has one check run."""
        found = self.all(run.queued.sha)
        assert all(len(each) == 1 for each in found.values())
        return {name: each[0].state for name, each in found.items()}


@pytest.fixture
async def place(bus: Bus, github_app: Played) -> AsyncIterator[Place]:
    """Yield a repository whose commits are told of."""
    made = Place(bus, github_app)
    async with following(made.desk):
        yield made
    await made.api.close()


@pytest.mark.weakness(17)
async def test_a_context_has_one_check_run_from_push_to_success(place: Place) -> None:
    """Made once, under the context's own name, and changed in place; twice changes nothing."""
    run, desk = place.run(), place.desk
    for fact in run.live("a"):
        await desk.write([fact])
        assert await desk.catch_up() == []
    desk.handled = 0
    assert await desk.catch_up() == []

    assert place.seen(run) == {STACK: "success", FUNCTION: "success"}
    said = {each.name: each.said for each in place.checks.runs.values()}
    assert said[STACK] == ["queued", "in_progress", "in_progress", "success"]
    assert said[FUNCTION] == ["queued", "in_progress", "in_progress", "success"]
    stack = place.all(run.queued.sha)[STACK][0]
    about = parse(stack.fields["external_id"])
    assert about is not None
    assert (about.run, about.context) == (run.id, STACK)
    assert stack.fields["actions"] == []
    function = place.all(run.queued.sha)[FUNCTION][0]
    assert function.fields["details_url"] == "http://production--acme.local/a"
    assert function.fields["output"]["text"] == f"{run.id} a\n"
    assert function.fields["started_at"] <= function.fields["completed_at"]


async def test_a_check_run_that_was_made_and_not_written_down_is_found(place: Place) -> None:
    """A worker that dies between the two leaves one, which its successor goes on with."""
    run, desk = place.run(), place.desk
    await desk.write(run.begun("a"))
    for _ in range(3):
        dying = desk.another(Forgetful(desk.bus.log))
        desk.handled = 0
        async with following(desk, dying):
            await desk.catch_up(dying)
    assert (await desk.facts(), len(place.checks.runs)) == ([], 1)

    desk.handled = 0
    await desk.write([run.started("a"), run.deployed("a"), run.ended("live")])
    assert await desk.catch_up() == []
    assert place.seen(run) == {STACK: "success", FUNCTION: "success"}


async def test_others_may_use_our_names(place: Place) -> None:
    """A check run of another App is neither taken for ours nor changed."""
    run = place.run()
    stranger = place.checks.made(place.repository, run.queued.sha, STACK, app=12)
    await place.desk.write(run.live())
    await place.desk.catch_up()

    assert stranger.said == []
    assert [each.state for each in place.all(run.queued.sha)[STACK]] == ["queued", "success"]


async def test_wrong_lines_are_annotated_once(place: Place) -> None:
    """In batches of 50; what GitHub has of them is not sent again when the answer was lost."""
    run, desk = place.run(), place.desk
    problems = tuple(Problem(f"wrong {n}", line=n) for n in range(1, 121))
    rejected = ("run", run.id, RunRejected(run.queued.sha, problems))
    await desk.write([("run", run.id, run.queued), rejected, run.ended("rejected", "120 errors")])
    dying = desk.another(Forgetful(desk.bus.log))
    async with following(desk, dying):
        waiting = await desk.catch_up(dying)
    assert await desk.handle(waiting) == []

    stack = place.all(run.queued.sha)[STACK][0]
    assert (stack.state, len(stack.annotations)) == ("failure", 120)
    assert [one["start_line"] for one in stack.annotations] == list(range(1, 121))
    assert stack.annotations[0]["path"] == "stack.yml"
    assert ANNOTATIONS == 50


async def test_a_forks_commit_has_a_button(place: Place) -> None:
    """It asks for approval; a run that goes on can be cancelled, one that is over neither."""
    run, desk = place.run(environment="pr-7", pull=7, branch="theirs"), place.desk
    sha, repository = run.queued.sha, run.queued.repository
    await desk.write([("pull", "7", PullHeld(7, sha, repository, "eve", "pr-7", 1))])
    await desk.catch_up()
    check = place.all(sha)["pushline/pr-7"][0]
    held = (check.state, check.fields["actions"][0]["identifier"], check.fields["external_id"])
    assert held == ("action_required", APPROVE, f"pr-7/@pull-7-{sha}")

    await desk.write(run.begun("a"))
    await desk.catch_up()
    assert check.state == "in_progress"
    assert check.fields["actions"][0]["identifier"] == CANCEL
    assert check.fields["external_id"] == f"pr-7/@{run.id}"
    await desk.write([run.started("a"), run.deployed("a"), run.ended("live")])
    await desk.catch_up()
    assert (check.state, check.fields["actions"]) == ("success", [])


async def test_a_rerun_goes_on_in_the_same_check_run(place: Place) -> None:
    """Whoever presses the button sees that very check begin again."""
    first = place.run()
    await place.desk.write([*first.begun("a"), first.failed("a"), first.ended("failed")])
    await place.desk.catch_up()
    assert place.seen(first) == {STACK: "failure", FUNCTION: "failure"}

    again = place.run(sha=first.queued.sha)
    await place.desk.write([("run", again.id, again.queued)])
    await place.desk.catch_up()
    assert place.seen(first)[STACK] == "queued"
    await place.desk.write(list(again.live("a"))[1:])
    await place.desk.catch_up()
    assert place.seen(first) == {STACK: "success", FUNCTION: "success"}
    about = parse(place.all(first.queued.sha)[FUNCTION][0].fields["external_id"])
    assert about is not None
    assert about.run == again.id


async def test_a_check_run_that_is_gone_is_made_anew(place: Place) -> None:
    """GitHub deletes old ones; what is told of the commit later has one again."""
    first = place.run()
    await place.desk.write(first.live("a"))
    await place.desk.catch_up()
    place.checks.runs.clear()

    again = place.run(sha=first.queued.sha)
    await place.desk.write(again.live("a"))
    await place.desk.catch_up()
    assert place.seen(first) == {STACK: "success", FUNCTION: "success"}


async def test_bad_weather_delays_and_changes_nothing(place: Place) -> None:
    """Of requests that fail before or after they were done, each commit ends in its true state."""
    runs = [place.run() for _ in range(5)]
    facts: list[tuple[str, str, Event]] = [*runs[0].live("a")]
    for run, newer in pairwise(runs[1:]):
        facts += [*run.begun("a"), ("run", run.id, RunSuperseded(by=newer.id))]
    facts += runs[-1].live("a")
    await place.desk.write(facts)
    place.doors.bad_weather = 0.4
    assert await place.desk.catch_up() == []
    tries = 0
    while await place.desk.later() and tries < 100:
        tries += 1

    assert tries < 100
    live = {STACK: "success", FUNCTION: "success"}
    assert [place.seen(run) for run in (runs[0], runs[-1])] == [live, live]
    assert [place.seen(run) for run in runs[1:-1]] == [{STACK: "cancelled"}] * 3


async def test_two_workers_end_with_the_truth(place: Place) -> None:
    """Whoever comes late with older news is corrected by what is in the log."""
    run, desk = place.run(), place.desk
    await desk.write([("run", run.id, run.queued)])
    await desk.catch_up()
    await desk.write([*list(run.live("a", "b"))[1:]])
    events, other = await desk.events(), desk.another()
    async with following(desk, other):
        order = random.Random(7).sample(events, len(events))
        await asyncio.gather(desk.handle(events), desk.handle(order, other))

    assert {each[-1].state for each in place.all(run.queued.sha).values()} == {"success"}


async def test_an_app_that_was_uninstalled_hinders_no_other(place: Place) -> None:
    """Its commits wait; where the App never was nothing is asked, and nothing is written."""
    gone, desk = place.run(), place.desk
    bare = place.run(repository=Repository("acme", "shop", "main"))
    await desk.write([*bare.live("a")])
    assert (await desk.catch_up(), await desk.facts(), place.doors.calls) == ([], [], [])

    place.world.uninstall(place.installation)
    await desk.write(gone.live("a"))
    assert (await desk.catch_up(), await desk.left()) == ([], 1)
    (fact,) = await desk.facts()
    assert isinstance(fact, StatusReportFailed)
    assert "install the App again" in fact.message


async def test_a_permission_that_is_granted_later_is_enough(place: Place) -> None:
    """GitHub says which is missing, we write it down; the truth is told when it is there."""
    run, desk = place.run(), place.desk
    place.installation.permissions["checks"] = "read"
    await desk.write(run.live("a"))
    assert await desk.catch_up() == []
    (fact,) = await desk.facts()
    assert isinstance(fact, StatusReportFailed)
    assert "checks=write" in fact.message

    place.installation.permissions["checks"] = "write"
    assert await desk.later() == 0
    assert place.seen(run) == {STACK: "success", FUNCTION: "success"}


@pytest.mark.weakness(17)
async def test_without_checks_commit_statuses_have_their_own_contexts(place: Place) -> None:
    """Each context has its own, none is called after the App; skipped is no failure."""
    desk = place.desk
    desk.told = Statuses(place.api)
    worker = desk.another()
    runs = [place.run() for _ in range(4)]
    async with following(desk, worker):
        for fact in (*runs[0].live("a"), *runs[1].begun("a"), runs[1].failed("a")):
            await desk.write([fact])
            await desk.catch_up(worker)
        superseded = ("run", runs[2].id, RunSuperseded(by="x"))
        await desk.write([runs[1].ended("failed"), *runs[2].begun(), superseded])
        await desk.write([*runs[3].begun(), runs[3].ended("empty")])
        await desk.catch_up(worker)

    said = [place.statuses.of(place.repository, run.queued.sha) for run in runs]
    states = [{name: [s.state for s in each] for name, each in one.items()} for one in said]
    assert states == [
        {name: ["pending", "pending", "success"] for name in (STACK, FUNCTION)},
        {name: ["pending", "pending", "failure"] for name in (STACK, FUNCTION)},
        {STACK: ["error"]},
        {STACK: ["success"]},
    ]
    assert place.checks.runs == {}
