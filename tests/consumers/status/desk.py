"""The worker at its desk: the log is real, the forge is a played one."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from bus.connection import Bus
from bus.log import EventLog
from consumers.forges.doors import Doors
from consumers.status import commits
from consumers.status.consumer import Status
from consumers.status.report import Forge
from consumers.status.standing import Annotation, Links, Standing, Text
from schemas.envelope import Aggregate, Recorded
from schemas.errors import LogUnavailable, Retry
from schemas.events import Event
from schemas.events.status import StatusReported, StatusReportFailed

LATER = timedelta(minutes=11)


def render(at: Standing, *, function: str, links: Links, log: str) -> Text:
    """Return a text that is easily told from another."""
    what = f"{at.environment} {function or 'stack'}"
    annotations = tuple(Annotation(one.file, one.line, one.message) for one in at.problems)
    return Text(what, f"{links.run(at.run)} of {at.sha}", what, log, annotations)


class NoLogs:
    """Builds that wrote nothing."""

    async def tail(self, at: Standing, function: str) -> str:
        """Return which log this would be."""
        return f"{at.run} {function}\n"


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC) + self.ahead


class Desk:
    """Records facts of one project, and has workers handle them as their loops would."""

    def __init__(
        self, bus: Bus, forge: str, project: str, told: Forge, clock: Clock | None = None
    ) -> None:
        """Begin at the start of the log."""
        self.bus, self.forge, self.project, self.told = bus, forge, project, told
        self.clock = clock or Clock()
        self.worker = self.another()
        self.handled = 0

    def another(self, events: Any = None) -> Status:
        """Return one more worker, with a fold of its own."""
        links = Links(lambda label, env, name: f"http://{env}--{label}.local/{name}", "http://sys")
        log, fold = events or self.bus.log, commits.fold()
        forges = {self.forge: self.told}
        doors = Doors(self.clock)
        return Status(log, fold, forges, render, NoLogs(), links, self.clock, doors)

    async def write(self, facts: Iterable[tuple[str, str, Event]]) -> None:
        """Record facts."""
        for kind, id, fact in facts:
            of = Aggregate(self.forge, self.project, kind, id)
            at = await self.bus.log.head()
            await self.bus.log.append(fact, of=of, id=f"test:{at}", name="acme/shop")

    async def events(self) -> list[Recorded[Any]]:
        """Return what the worker reads and has not handled yet."""
        head = await self.bus.log.head()
        found = (
            [event async for event in self.bus.follow.events(after=self.handled, until=head)]
            if head > self.handled
            else []
        )
        self.handled = head
        return [event for event in found if isinstance(event.fact, Status.reads)]

    async def catch_up(self, worker: Status | None = None) -> list[Recorded[Any]]:
        """Handle what is new, in order; return the events that have to wait."""
        return await self.handle(await self.events(), worker)

    async def handle(
        self, events: list[Recorded[Any]], worker: Status | None = None
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
        """Return how many commits wait for the forge."""
        await self.worker.fold.reached(await self.bus.log.head())
        return len(self.worker.left(self.forge))

    async def later(self, ahead: timedelta = LATER) -> int:
        """Let time pass, and tell what waits; return how many commits still do."""
        self.clock.ahead += ahead
        await self.left()
        for one in self.worker.left(self.forge):
            await self.worker.tell(self.forge, one)
        return await self.left()

    async def facts(self) -> list[StatusReported | StatusReportFailed]:
        """Return what was written down."""
        head = await self.bus.log.head()
        return [
            event.fact
            async for event in self.bus.follow.events(after=0, until=head)
            if isinstance(event.fact, StatusReported | StatusReportFailed)
        ]


class Forgetful:
    """A log that takes no fact of ours: its writer dies each time."""

    def __init__(self, log: EventLog) -> None:
        """Pass on everything but appends."""
        self._log = log

    def __getattr__(self, name: str) -> Any:
        """Pass on."""
        return getattr(self._log, name)

    async def append(self, *_: Any, **__: Any) -> int:
        """Take nothing."""
        raise LogUnavailable("the process was killed")


@asynccontextmanager
async def following(desk: Desk, *workers: Status) -> AsyncIterator[None]:
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
