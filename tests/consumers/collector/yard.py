"""The collector at its desk: the log is real, the forge answers as it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bus.connection import Bus
from consumers.collector.consumer import Collector, Folds
from consumers.collector.evidence import Answer
from schemas.envelope import Aggregate, Recorded
from schemas.events import Event
from schemas.events.function import FunctionClaimed
from schemas.events.run import RunFinished, RunQueued, RunResolved
from schemas.events.timer import TimerFired
from schemas.repository import Repository

PROJECT = "1296269"
REPOSITORY = Repository(
    owner="Acme", name="shop", default_branch="main", clone_url="https://github.com/Acme/shop.git"
)


def about(kind: str, id: str = "", project: str = PROJECT) -> Aggregate:
    """Return what a fact of the project is about."""
    return Aggregate("github", project, kind, id)


@dataclass
class Witness:
    """A forge that says whether a project is there."""

    says: Answer = "no"
    asked: list[str] = field(default_factory=list)

    async def stands(self, forge: str, project: str, name: str) -> Answer:
        """Return what it is told to; ``forge`` and ``name`` are noted."""
        self.asked.append(f"{forge} {project} {name}")
        return self.says


class Yard:
    """Records facts, and has the collector handle them as the worker loop would."""

    def __init__(self, bus: Bus, grace: timedelta) -> None:
        """Begin at the start of the log."""
        self.bus = bus
        self.folds = Folds.kept()
        self.witness = Witness()
        self.collector = Collector(bus.log, self.folds, self.witness, grace)
        self.handled = 0
        self.generations: dict[str, int] = {}

    async def write(self, fact: Event, of: Aggregate, name: str = "Acme/shop") -> int:
        """Record a fact."""
        id = f"test:{await self.bus.log.head()}"
        return await self.bus.log.append(fact, of=of, id=id, name=name, actor="octocat")

    async def queue(self, environment: str = "production", project: str = PROJECT) -> str:
        """Queue a run; return its id."""
        place = f"{project} {environment}"
        generation = self.generations[place] = self.generations.get(place, 0) + 1
        run = f"{environment}-{generation}"
        queued = RunQueued(
            environment=environment,
            generation=generation,
            branch="main",
            sha=f"{generation:040x}",
            repository=REPOSITORY,
            label="acme",
        )
        await self.write(queued, about("run", run, project))
        return run

    async def live(
        self, *functions: str, environment: str = "production", project: str = PROJECT
    ) -> None:
        """Have a run of these functions end well."""
        run = await self.queue(environment, project)
        of = about("run", run, project)
        await self.write(RunResolved("0" * 40, functions), of)
        for name in functions:
            place = about("function", f"{environment}/{name}", project)
            await self.write(FunctionClaimed("acme", name), place)
        await self.write(RunFinished("live" if functions else "empty"), of)

    async def work(self) -> None:
        """Let the collector handle all facts that it has not handled, until there is no more."""
        while (head := await self.bus.log.head()) > self.handled:
            async for event in self.bus.follow.events(after=self.handled, until=head):
                if isinstance(event.fact, Collector.reads):
                    await self.collector.handle(event)
            self.handled = head

    async def ring(self, place: str, due: Any, project: str = PROJECT) -> None:
        """Play the timer: a removal's moment has come."""
        fact = TimerFired("collection", place, due)
        await self.write(fact, about("timer", f"collection/{place}", project))
        await self.work()

    async def facts(self, *kinds: type[Event]) -> list[Recorded[Any]]:
        """Return all facts of these kinds, in order."""
        head = await self.bus.log.head()
        events = self.bus.follow.events(after=0, until=head)
        return [event async for event in events if isinstance(event.fact, kinds)]

    async def told(self, *kinds: type[Event]) -> list[str]:
        """Return what facts of these kinds are about."""
        return [event.of.id for event in await self.facts(*kinds)]


@asynccontextmanager
async def yard(bus: Bus, grace: timedelta = timedelta(minutes=10)) -> AsyncIterator[Yard]:
    """Yield a yard whose folds follow the log."""
    place = Yard(bus, grace)
    tasks = [asyncio.create_task(each.run(bus.follow)) for each in place.folds.all()]
    try:
        yield place
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
