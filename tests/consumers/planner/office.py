"""Intake and planner at their desks: the log is real, forge and source are played by the test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from bus.connection import Bus
from bus.work import Worker
from consumers.intake.consumer import Intake, fold
from consumers.planner.consumer import Planner
from consumers.planner.folds import Folds
from schemas.envelope import Aggregate, E, Recorded
from schemas.events import Event
from schemas.events.run import RunQueued, RunResolved
from schemas.ids import ZERO_SHA
from tests.consumers.intake.listing import everybody

PROJECT = "alice/hello"


def sha(commit: int) -> str:
    """Return the name of a commit; 0 is no commit."""
    return f"{commit:040x}" if commit else ZERO_SHA


class Office:
    """Handles deliveries and facts one by one, as the worker loop would."""

    def __init__(self, bus: Bus, folds: Folds) -> None:
        """Begin at the start of the log."""
        self.bus = bus
        self.branches = fold()
        self.folds = folds
        self.intake = Intake(bus.log, self.branches, everybody())
        self.planner: Worker = Planner(bus.log, folds)
        self.planned = 0

    async def deliver(
        self, id: str, before: int, after: int, *, branch: str = "main", project: str = PROJECT
    ) -> None:
        """Store a push of the local forge, and let intake translate it."""
        owner, repository = project.split("/")
        body = {
            "kind": "push",
            "owner": owner,
            "repository": repository,
            "branch": branch,
            "before": sha(before),
            "after": sha(after),
            "default_branch": "main",
            "pusher": owner,
        }
        seq = await self.bus.deliveries.store("local", id, {}, msgspec.json.encode(body))
        await self.intake.handle(await self.bus.deliveries.get(seq))

    async def plan(self) -> None:
        """Let the planner handle all facts that it has not handled, until there is no more."""
        while (head := await self.bus.log.head()) > self.planned:
            async for event in self.bus.follow.events(after=self.planned, until=head):
                if isinstance(event.fact, self.planner.reads):
                    await self.planner.handle(event)
            self.planned = head

    async def push(self, id: str, before: int, after: int, **where: str) -> None:
        """Deliver a push and plan what follows."""
        await self.deliver(id, before, after, **where)
        await self.plan()

    async def write(
        self, fact: Event, of: Aggregate, *, cause: Recorded[Any] | None = None
    ) -> Recorded[Any]:
        """Record what another consumer would."""
        id = f"test:{await self.bus.log.head()}"
        seq = await self.bus.log.append(fact, of=of, id=id, cause=cause)
        return await self.bus.log.get(seq)

    async def resolve(self, run: Recorded[RunQueued], *functions: str) -> None:
        """Play source: the commit has these functions; plan what follows."""
        await self.write(RunResolved(run.fact.sha, functions), run.of, cause=run)
        await self.plan()

    async def facts(self, *kinds: type[E]) -> list[Recorded[E]]:
        """Return all facts of these kinds, in order."""
        head = await self.bus.log.head()
        events = self.bus.follow.events(after=0, until=head)
        return [event async for event in events if isinstance(event.fact, kinds)]  # type: ignore[misc]


@asynccontextmanager
async def office(bus: Bus) -> AsyncIterator[Office]:
    """Yield an office whose folds follow the log."""
    desk = Office(bus, Folds.kept())
    tasks = [
        asyncio.create_task(each.run(bus.follow)) for each in (desk.branches, *desk.folds.all())
    ]
    try:
        yield desk
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
