"""A worker that writes down what it is given, and what tests of workers share."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from bus import streams
from bus.connection import Bus, BusSettings
from bus.jetstream import patiently
from bus.work import Pace, Worker, work
from schemas.envelope import Aggregate, Recorded
from schemas.events.run import RunBuildStarted

QUICK = Pace(ack_wait=10, progress=1, backoff=(0.05, 0.1), attempts=3, grace=0.3)
HASTY = Pace(ack_wait=2, progress=0.3, backoff=(0.05, 0.1), attempts=3, grace=0.3)


async def nothing(_: object) -> None:
    """Handle well."""


@dataclass
class Recorder:
    """Notes each fact, then reacts."""

    react: Callable[[Recorded[RunBuildStarted]], Awaitable[None]] = nothing
    seen: list[str] = field(default_factory=list)
    places: int = 2
    pace: Pace = QUICK
    durable: ClassVar[str] = "recorder"
    reads: ClassVar[tuple[type[RunBuildStarted], ...]] = (RunBuildStarted,)
    begins: ClassVar[Literal["first", "now"]] = "first"
    tells: ClassVar[bool] = True

    def key(self, event: Recorded[RunBuildStarted]) -> str:
        """Return the run."""
        return event.of.id

    def has_seen(self, function: str) -> bool:
        """Tell whether this fact was handled."""
        return function in self.seen

    def has_grown(self, beyond: int) -> bool:
        """Tell whether more were handled."""
        return len(self.seen) > beyond

    async def handle(self, event: Recorded[RunBuildStarted]) -> None:
        """Note, then react."""
        self.seen.append(event.fact.function)
        await self.react(event)


def run(id: str) -> Aggregate:
    """Return the aggregate of a run."""
    return Aggregate("local", "alice/hello", "run", id)


async def started(bus: Bus, name: str, of: str = "1") -> int:
    """Append a fact that the recorder reads."""
    id = f"started:{of}:{name}"
    return await bus.log.append(RunBuildStarted(function=name), of=run(of), id=id)


@asynccontextmanager
async def working(
    bus: Bus, worker: Worker, *, ensured_by: BusSettings | None = None
) -> AsyncIterator[asyncio.Event]:
    """Run the worker around a block; yield what stops it."""
    await streams.ensure(ensured_by or bus.settings, [worker])
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(work(bus, worker, stopping))
        try:
            yield stopping
        finally:
            stopping.set()


async def eventually(condition: Callable[[], Any], within: float = 15) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - nobody tells of what is polled
            await asyncio.sleep(0.01)


async def settled(bus: Bus, within: float = 15) -> None:
    """Wait until the recorder has nothing left to do."""
    async with asyncio.timeout(within):
        while await unfinished(bus):  # noqa: ASYNC110 - the server does not tell of it
            await asyncio.sleep(0.02)


async def unfinished(bus: Bus) -> int:
    """Return how many messages the recorder has not acknowledged.

    The server counts what is pending a moment late; what was delivered it knows at once.
    """
    last = await bus.log.last_seq("ev.*.*.run.*.build-started")
    info = await patiently(lambda: bus.js.consumer("EVENTS", "recorder"))
    assert info
    return int(info["num_ack_pending"]) + max(0, last - int(info["delivered"]["stream_seq"]))
