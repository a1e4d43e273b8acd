"""The worker at its desk: the log is real, so is what it asks; the forges are played ones."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Protocol

from bus.connection import Bus
from consumers.comments import pulls
from consumers.comments.consumer import Comments
from consumers.comments.forge import Comments as Forge
from consumers.comments.github import GitHubComments
from consumers.comments.gitlab import GitLabComments
from consumers.forges.doors import Doors
from consumers.forges.github.api import Api as GitHubApi
from consumers.forges.github.api import Pace
from consumers.forges.github.app import app_of
from consumers.forges.gitlab.api import Api as GitLabApi
from schemas.envelope import Aggregate, Recorded
from schemas.errors import Retry
from schemas.events import Event
from schemas.events.comment import CommentDeleted, CommentRefused, CommentWritten
from schemas.repository import Repository
from tests.consumers.status.desk import LATER, Clock
from tests.consumers.status.texts.cases import LINKS
from tests.heavy.forges.github import comments as github_comments
from tests.heavy.forges.github.doors import Doors as GitHubDoors
from tests.heavy.forges.github.played import Played as GitHub
from tests.heavy.forges.github.state import pem
from tests.heavy.forges.gitlab import comments as gitlab_comments
from tests.heavy.forges.gitlab.doors import Doors as GitLabDoors
from tests.heavy.forges.gitlab.played import Played as GitLab

QUICK = Pace(tries=2, wait=0.001, gap=0)
Fact = tuple[str, str, Event]


class Forges(Protocol):
    """A pull request at some played forge."""

    name: str
    project: str
    repository: Repository
    doors: GitHubDoors | GitLabDoors
    told: Forge

    def ours(self) -> list[list[str]]:
        """Return our comments, each with all the texts that it had."""
        ...

    def say(self, text: str) -> None:
        """Have a stranger write a comment."""
        ...

    def delete(self) -> None:
        """Have a person delete our comment."""
        ...

    def forbid(self, *, forbidden: bool) -> None:
        """Have us write no comments, or let us again."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


class AtGitHub:
    """Pull request 1 of a repository where the App is installed."""

    name = "github"

    def __init__(self, played: GitHub) -> None:
        """Open it."""
        world, self.doors = played.world, played.doors
        self._repository = world.repository("acme/shop")
        self._installation = world.install("acme", self._repository)
        world.push(self._repository, "main", {"a": "1"})
        world.push(self._repository, "topic", {"a": "2"})
        world.open_pull(self._repository, "topic")
        area = played.areas["Comments"]
        assert isinstance(area, github_comments.Comments)
        self.area = area
        self._world = world
        app = app_of(str(world.app_id), pem(), played.url)
        self._api = GitHubApi(app, QUICK, clock=self._time)
        self.told = GitHubComments(self._api, str(world.app_id))
        self.project = str(self._repository.id)
        id = str(self._installation.id)
        self.repository = Repository("acme", "shop", "main", installation=id)

    def _time(self) -> float:
        """Return GitHub's time, which is ours."""
        return self._world.clock()

    def ours(self) -> list[list[str]]:
        """Return the App's comments."""
        return [each.said for each in self.area.of(self._repository, 1)]

    def say(self, text: str) -> None:
        """Have a stranger write a comment."""
        self.area.say(self._repository, 1, text, by="mallory")

    def delete(self) -> None:
        """Have a person delete our comment."""
        self.area.delete(self.area.of(self._repository, 1)[0])

    def forbid(self, *, forbidden: bool) -> None:
        """Have the owner not accept the permission, or accept it, some minutes later."""
        begin = time.time()
        self._world.clock = lambda: time.time() if forbidden else begin + 300
        self._installation.permissions["pull_requests"] = "read" if forbidden else "write"

    async def close(self) -> None:
        """Close connections."""
        await self._api.close()


class AtGitLab:
    """Merge request 1 of a project that our user develops."""

    name = "gitlab"

    def __init__(self, played: GitLab) -> None:
        """Open it."""
        world, self.doors = played.world, played.doors
        self._owner, self._us, self._stranger = (
            world.user(name) for name in ("acme", "pushline", "mallory")
        )
        self._project = world.project("acme/shop", by=self._owner)
        self._project.members |= {self._us.id: 30, self._stranger.id: 30}
        world.push(self._project, "main", {"a": "1"}, by=self._owner)
        world.push(self._project, "topic", {"a": "2"}, by=self._owner)
        world.open_merge(self._project, "topic", self._project, "main", by=self._owner)
        area = played.areas["Comments"]
        assert isinstance(area, gitlab_comments.Comments)
        self.area = area
        self._api = GitLabApi(played.url, world.token(self._us))
        self.told = GitLabComments(self._api)
        self.project = str(self._project.id)
        self.repository = Repository("acme", "shop", "main")

    def ours(self) -> list[list[str]]:
        """Return our user's notes."""
        return [each.said for each in self.area.of(self._project, 1, by=self._us)]

    def say(self, text: str) -> None:
        """Have a stranger write a note."""
        self.area.say(self._project, 1, text, by=self._stranger)

    def delete(self) -> None:
        """Have a person delete our note."""
        self.area.delete(self.area.of(self._project, 1, by=self._us)[0])

    def forbid(self, *, forbidden: bool) -> None:
        """Have the owner make us a guest."""
        self._project.members[self._us.id] = 10 if forbidden else 30

    async def close(self) -> None:
        """Close connections."""
        await self._api.close()


class Desk:
    """Records facts of one project, and has workers handle them as their loops would."""

    def __init__(self, bus: Bus, at: Forges) -> None:
        """Begin at the start of the log."""
        self.bus, self.at = bus, at
        self.clock = Clock()
        self.worker = self.another()
        self.handled = 0

    def another(self, events: Any = None) -> Comments:
        """Return one more worker, with a fold of its own."""
        forges = {self.at.name: self.at.told}
        doors = Doors(self.clock)
        return Comments(events or self.bus.log, pulls.fold(), forges, LINKS, self.clock, doors)

    async def write(self, *facts: Fact) -> None:
        """Record facts."""
        for kind, id, fact in facts:
            of = Aggregate(self.at.name, self.at.project, kind, id)
            at = await self.bus.log.head()
            await self.bus.log.append(fact, of=of, id=f"test:{at}", name="acme/shop")

    async def events(self) -> list[Recorded[Any]]:
        """Return what the worker reads and has not handled yet."""
        head, found = await self.bus.log.head(), list[Recorded[Any]]()
        if head > self.handled:
            events = self.bus.follow.events(after=self.handled, until=head)
            found = [event async for event in events if isinstance(event.fact, Comments.reads)]
        self.handled = head
        return found

    async def tell(self, *facts: Fact) -> list[Recorded[Any]]:
        """Record facts and handle them one by one; return the events that have to wait."""
        waiting = []
        for fact in facts:
            await self.write(fact)
            waiting += await self.handle(await self.events())
        return waiting

    async def handle(
        self, events: Iterable[Recorded[Any]], worker: Comments | None = None
    ) -> list[Recorded[Any]]:
        """Handle events; return those that have to wait."""
        waiting = []
        for event in events:
            try:
                await (worker or self.worker).handle(event)
            except Retry:
                waiting.append(event)
        return waiting

    async def left(self) -> int:
        """Return how many pull requests wait for the forge."""
        await self.worker.fold.reached(await self.bus.log.head())
        return len(self.worker.left(self.at.name))

    async def later(self) -> int:
        """Let time pass, and tell what waits; return how many pull requests still do."""
        self.clock.ahead += LATER
        await self.left()
        for one in self.worker.left(self.at.name):
            await self.worker.tell(self.at.name, one)
        return await self.left()

    async def facts(self) -> list[CommentWritten | CommentDeleted | CommentRefused]:
        """Return what was written down."""
        head = await self.bus.log.head()
        kinds = CommentWritten | CommentDeleted | CommentRefused
        events = self.bus.follow.events(after=0, until=head)
        return [event.fact async for event in events if isinstance(event.fact, kinds)]


@asynccontextmanager
async def following(desk: Desk, *workers: Comments) -> AsyncIterator[None]:
    """Have the folds of workers follow the log."""
    tasks = [
        asyncio.create_task(each.fold.run(desk.bus.follow)) for each in workers or (desk.worker,)
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
