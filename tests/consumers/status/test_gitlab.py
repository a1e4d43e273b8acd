"""What GitLab shows of commits, by a played one that refuses what GitLab refuses."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from bus.connection import Bus
from consumers.forges.gitlab.api import Api
from consumers.status.gitlab import Jobs
from schemas.events import Event
from schemas.events.run import RunSuperseded
from schemas.events.status import StatusReported, StatusReportFailed
from schemas.repository import Repository
from tests.consumers.status.desk import Desk, Forgetful, following
from tests.consumers.status.story import Run
from tests.heavy.forges.gitlab.played import Played
from tests.heavy.forges.gitlab.state import DEVELOPER, GUEST, Project
from tests.heavy.forges.gitlab.statuses import Statuses

STACK, FUNCTION = "pushline/production", "pushline/production/a"


class Place:
    """A project of a GitLab, and the desk of whoever tells of it."""

    def __init__(self, bus: Bus, played: Played) -> None:
        """Make the project, and us a developer in it."""
        self.world = played.world
        self.alice, self.us = self.world.user("alice"), self.world.user("pushline")
        self.project: Project = self.world.project("acme/shop", by=self.alice)
        self.project.members[self.us.id] = DEVELOPER
        self.token = self.world.token(self.us)
        self.api = Api(played.url, self.token)
        statuses = played.areas["Statuses"]
        assert isinstance(statuses, Statuses)
        self.statuses, self.doors = statuses, played.doors
        self.desk = Desk(bus, "gitlab", str(self.project.id), Jobs(self.api))
        self.pushed = 0

    def run(self, **more: Any) -> Run:
        """Return the run of one more pushed commit."""
        self.pushed += 1
        sha = self.world.push(self.project, "main", {"n": f"{self.pushed}"}, by=self.alice)
        repository = Repository("acme", "shop", "main")
        return Run(self.pushed, sha=more.pop("sha", sha), repository=repository, **more)

    def seen(self, run: Run) -> dict[str, str]:
        """Return what people see of a commit."""
        shown = self.statuses.shown(self.project, run.queued.sha)
        return {name: job.status for name, job in shown.items()}


@pytest.fixture
async def place(bus: Bus, gitlab_api: Played) -> AsyncIterator[Place]:
    """Yield a project whose commits are told of."""
    made = Place(bus, gitlab_api)
    async with following(made.desk):
        yield made
    await made.api.close()


async def test_a_commit_is_told_of_from_push_to_success(place: Place) -> None:
    """Each context goes through its states once, and no event adds another when it comes again."""
    run, desk = place.run(), place.desk
    for fact in run.live("a"):
        await desk.write([fact])
        assert await desk.catch_up() == []
    desk.handled = 0
    assert await desk.catch_up() == []

    said = {job.name: job.said for job in place.statuses.jobs}
    assert said == {name: ["pending", "running", "success"] for name in (STACK, FUNCTION)}
    stack, function = (place.statuses.jobs[0], place.statuses.jobs[1])
    assert (stack.target_url, function.target_url) == (
        f"http://sys/api/runs/{run.id}",
        "http://production--acme.local/a",
    )
    assert place.statuses.refused == []


async def test_what_came_meanwhile_is_one_message(place: Place) -> None:
    """A run that was over before anybody looked is told of once for each context."""
    run = place.run()
    await place.desk.write(run.live("a", "b"))
    await place.desk.catch_up()

    assert {job.name: job.said for job in place.statuses.jobs} == {
        name: ["success"] for name in (STACK, FUNCTION, "pushline/production/b")
    }


async def test_what_was_told_and_not_written_down_is_told_once(place: Place) -> None:
    """A worker that dies after GitLab has it leaves one job, and its successor the fact."""
    run, desk = place.run(), place.desk
    await desk.write(run.begun("a"))
    dying = desk.another(Forgetful(desk.bus.log))
    async with following(desk, dying):
        waiting = await desk.catch_up(dying)
    assert (await desk.facts(), len(place.statuses.jobs)) == ([], 1)

    assert await desk.handle(waiting) == []
    assert len(place.statuses.jobs) == 2
    assert place.seen(run) == {STACK: "running", FUNCTION: "running"}
    assert len(await desk.facts()) == 2


async def test_a_commit_that_is_not_there_hinders_no_other(place: Place) -> None:
    """What GitLab will never take is written down, once, with its reason."""
    gone, run = place.run(sha="ab" * 20), place.run()
    await place.desk.write([*gone.live("a"), *run.live("a")])
    assert await place.desk.catch_up() == []

    assert place.seen(run) == {STACK: "success", FUNCTION: "success"}
    failed = [fact for fact in await place.desk.facts() if isinstance(fact, StatusReportFailed)]
    assert {fact.function for fact in failed} == {"", "a"}
    assert failed[0].message == "GitLab takes no status: 404 404 Commit Not Found"
    assert not failed[0].waits


async def test_a_role_that_is_missing_is_waited_for(place: Place) -> None:
    """Nobody is asked over and over; once the way is open the true state is told."""
    run, desk = place.run(), place.desk
    place.project.members[place.us.id] = GUEST
    place.project.visibility = "public"
    await desk.write(run.live("a"))
    assert await desk.catch_up() == []
    asked = len(place.doors.calls)
    assert await desk.later(timedelta(minutes=1)) == 1
    assert len(place.doors.calls) == asked

    place.project.members[place.us.id] = DEVELOPER
    assert await desk.later() == 0
    assert place.seen(run) == {STACK: "success", FUNCTION: "success"}
    first = (await desk.facts())[0]
    assert isinstance(first, StatusReportFailed)
    assert first.waits
    assert "Developer" in first.message


async def test_a_door_that_stays_shut_is_left_after_a_week(place: Place) -> None:
    """Until then it is tried; what GitLab should have been told is in the log."""
    run, desk = place.run(), place.desk
    del place.world.tokens[place.token]
    await desk.write(run.live("a"))

    assert (await desk.catch_up(), await desk.left()) == ([], 1)
    desk.clock.ahead = timedelta(days=7)
    assert await desk.left() == 0
    assert {type(fact) for fact in await desk.facts()} == {StatusReportFailed}


async def test_bad_weather_delays_and_changes_nothing(place: Place) -> None:
    """Of requests that fail before or after they were done, each context ends in its true state."""
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
    seen = [place.seen(run) for run in runs]
    assert (seen[0], seen[-1]) == (live, live)
    assert all(each[STACK] == "canceled" for each in seen[1:-1])
    ends = Counter((job.sha, job.name, job.status) for job in place.statuses.jobs)
    assert set(ends.values()) == {1}


async def test_two_workers_end_with_the_truth(place: Place) -> None:
    """Whoever comes late with older news is corrected by what is in the log."""
    run, desk = place.run(), place.desk
    await desk.write(run.live("a", "b"))
    events = await desk.events()
    other = desk.another()
    order = random.Random(7).sample(events, len(events))
    async with following(desk, other):
        await asyncio.gather(desk.handle(events), desk.handle(order, other))

    assert set(place.seen(run).values()) == {"success"}
    reported = [fact for fact in await desk.facts() if isinstance(fact, StatusReported)]
    assert {fact.function for fact in reported} == {"", "a", "b"}
