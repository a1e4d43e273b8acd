"""Real consumers on a real log, in front of a played world: a history as life leaves it."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from bus import streams
from bus.connection import Bus
from bus.fold import Fold
from bus.work import Worker
from consumers.builder.consumer import Builder, BuilderSettings
from consumers.builder.images import Built, NotBuildable, Order, Say
from consumers.deployer.consumer import Deployer
from consumers.deployer.platform import Revision, Running
from consumers.intake import consumer as intake
from consumers.planner.consumer import Planner
from consumers.planner.folds import Folds
from consumers.run import jobs, run
from consumers.source.archive import Templates
from consumers.source.consumer import Source
from consumers.source.fetch import Commit
from consumers.source.limits import SourceSettings, refused
from consumers.source.prepare import Prepared, prepare
from consumers.source.remote import Remote
from schemas.envelope import Aggregate, Recorded
from schemas.errors import DeployFailed
from schemas.events.branch import BranchPushed
from schemas.events.delivery import DeliveryIgnored, DeliveryTranslated
from schemas.events.run import RunCancelled, RunFinished, RunQueued, RunSuperseded
from schemas.ids import digest_of
from schemas.repository import Repository
from tests.consumers.intake.listing import everybody
from tests.consumers.planner.office import sha
from tests.consumers.source.objects import tree_of

STACK = b"""\
version: 1.0
provider: {name: openfaas}
functions:
  one: {lang: python3-http, handler: ./one, image: one}
  two: {lang: python3-http, handler: ./two, image: two}
"""
HANDLER = b"def handle(event, context):\n    return 'hi'\n"
FILES = {"stack.yml": STACK, "one/handler.py": HANDLER, "two/handler.py": HANDLER}
SLOWEST = 0.02  # seconds that anything in the world takes


@dataclass(frozen=True)
class World:
    """Takes its time, and refuses some of what it is told; the same with the same seed."""

    chance: random.Random

    async def _takes(self) -> None:
        await asyncio.sleep(self.chance.random() * SLOWEST)

    def refuses(self, what: str) -> bool:
        """Tell whether this one fails: one in eight, by its name."""
        return int(digest_of(what.encode())[7:9], 16) % 8 == 0

    async def build(self, order: Order, say: Say) -> Built:
        """Return an image that nobody has made."""
        say(f"building {order.spec.name}")
        await self._takes()
        if self.refuses(f"build {order.spec.name} {order.sha}"):
            raise NotBuildable("it does not build", tail=("line 1", "line 2"))
        return Built(digest_of(order.archive.encode()), tool_ms=self.chance.randrange(99))

    every = 60.0

    async def deploy(self, revision: Revision) -> Running:
        """Return where nobody listens."""
        await self._takes()
        if self.refuses(f"deploy {revision.function} {revision.sha}"):
            raise DeployFailed("it does not start", hint="look at its log")
        return Running(f"unix:{revision.id}.sock", self.chance.randrange(99))

    async def retire(self, key: str) -> None:
        """Do nothing."""

    async def running(self) -> frozenset[str]:
        """Return nothing."""
        return frozenset()

    async def __call__(self, of: Aggregate, repository: Repository) -> Remote:
        """Return no remote: commits are played."""
        await self._takes()
        return Remote(f"http://{of.forge}.invalid/{repository.full_name}")


class PlayedSource(Source):
    """Source, whose commits all have the same files; one in eight has none."""

    async def fetched(self, queued: Recorded[RunQueued]) -> Commit:
        """Return a commit after some time."""
        fact = queued.fact
        await self.remotes(queued.of, fact.repository)
        if isinstance(self.remotes, World) and self.remotes.refuses(f"fetch {fact.sha}"):
            raise refused("source_missing", "the commit is gone", "push again")
        return Commit(fact.sha, {})

    def prepared(self, commit: Commit) -> Prepared:
        """Return the archives of the one stack."""
        assert commit.sha
        return prepare(tree_of(FILES), self.templates, self.honoured)


@dataclass(frozen=True)
class Works:
    """The workers, and the folds they decide by."""

    workers: Sequence[Worker]
    folds: Sequence[Fold[Any]]


def works(bus: Bus, seed: int = 1) -> Works:
    """Return all of them."""
    world = World(random.Random(seed))
    branches, folds = intake.fold(), Folds.kept()
    source = PlayedSource(bus.log, bus.blobs, world, Templates(), SourceSettings())
    settings = BuilderSettings(places=8)
    workers: Sequence[Worker] = (
        intake.Intake(bus.log, branches, everybody()),
        Planner(bus.log, folds),
        source,
        Builder(bus.log, bus.follow, bus.blobs, bus.lines, world, settings),
        Deployer(bus.log, bus.blobs, world),
    )
    return Works(workers, (branches, *folds.all()))


@asynccontextmanager
async def running(bus: Bus, seed: int = 1) -> AsyncIterator[None]:
    """Run all consumers meanwhile."""
    made = works(bus, seed)
    await streams.ensure(bus.settings, made.workers)
    stopping = asyncio.Event()
    following = [asyncio.create_task(fold.run(bus.follow)) for fold in made.folds]
    working = asyncio.create_task(run(jobs(bus, made.workers), stopping))
    try:
        yield
    finally:
        stopping.set()
        await working
        for task in following:
            task.cancel()
        await asyncio.wait(following)


async def push(bus: Bus, project: str, before: int, after: int) -> None:
    """Store the delivery of one push of the local forge."""
    owner, repository = project.split("/")
    body = {
        "kind": "push",
        "owner": owner,
        "repository": repository,
        "branch": "main",
        "before": sha(before),
        "after": sha(after),
        "default_branch": "main",
        "pusher": owner,
    }
    await bus.deliveries.store("local", f"{project}:{after}", {}, msgspec.json.encode(body))


async def settled(bus: Bus, deliveries: int) -> int:
    """Wait until so many deliveries are taken and all their runs have ended; return the head."""
    taken, runs, ended, planned = 0, set[str](), set[str](), Counter[str]()
    async with aclosing(bus.follow.events(after=0)) as events:
        async for event in events:
            match event.fact:
                case DeliveryTranslated() | DeliveryIgnored():
                    taken += 1
                case BranchPushed():
                    planned["pushes"] += 1
                case RunQueued():
                    runs.add(event.of.id)
                    planned["runs"] += 1
                case RunFinished() | RunSuperseded() | RunCancelled():
                    ended.add(event.of.id)
            if taken == deliveries and planned["pushes"] == planned["runs"] and runs <= ended:
                return event.seq
    raise AssertionError("the log never ends")


async def history(bus: Bus, projects: Sequence[str], pushes: int, seed: int = 1) -> int:
    """Push to each project so often, all at once and out of order; return the head at the end."""
    every = [(project, number) for project in projects for number in range(pushes)]
    random.Random(seed).shuffle(every)
    async with running(bus, seed), asyncio.timeout(60):
        await asyncio.gather(*(push(bus, project, number, number + 1) for project, number in every))
        return await settled(bus, len(every))


async def waves(bus: Bus, projects: Sequence[str], pushes: int) -> int:
    """Push to all projects at once, then again when all runs have ended; return the head."""
    head = 0
    async with running(bus), asyncio.timeout(600):
        for number in range(pushes):
            await asyncio.gather(*(push(bus, name, number, number + 1) for name in projects))
            head = await settled(bus, len(projects) * (number + 1))
    return head
