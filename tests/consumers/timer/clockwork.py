"""The whole consumer at work on a real log; functions are played."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from bus import envelope, streams
from bus.connection import Bus, BusSettings
from bus.work import work
from consumers.timer.calls import Calls
from consumers.timer.consumer import Timekeeper
from consumers.timer.setting import keep_set
from consumers.timer.wanted import Target, wanted
from schemas.envelope import E, Recorded
from schemas.events.timer import TimerDelivered

DAY = timedelta(days=1)


@dataclass
class Phone:
    """Functions that answer; each call is noted."""

    calls: list[tuple[str, str, datetime]] = field(default_factory=list)
    gate: asyncio.Event | None = None  # an answer waits for it

    async def call(self, target: Target, *, call: str, due: datetime) -> TimerDelivered:
        """Note the call, and answer."""
        self.calls.append((target.function, call, due))
        if self.gate is not None:
            await self.gate.wait()
        return TimerDelivered(due, "answered", 200, 3)


@contextmanager
def ago(monkeypatch: pytest.MonkeyPatch, span: timedelta) -> Iterator[None]:
    """Have what is recorded within the block be recorded so long ago."""
    real = envelope.now
    with monkeypatch.context() as earlier:
        earlier.setattr(envelope, "now", lambda: real() - span)
        yield


@asynccontextmanager
async def ticking(
    bus: Bus,
    phone: Phone,
    *,
    timeout: timedelta = DAY,
    limit: timedelta = timedelta(minutes=10),
    keeper: type[Timekeeper] = Timekeeper,
    ensured_by: BusSettings | None = None,
) -> AsyncIterator[Calls]:
    """Run the consumer around a block."""
    fold = wanted()
    keeping = keeper(bus.log, fold, timeout)
    calls = Calls(bus.log, bus.follow.events, fold, phone, keeping, limit=limit)
    await streams.ensure(ensured_by or bus.settings, [keeping, calls])
    stopping = asyncio.Event()
    following = asyncio.create_task(fold.run(bus.follow))
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(work(bus, keeping, stopping))
            tasks.create_task(work(bus, calls, stopping))
            tasks.create_task(keep_set(bus, fold, timeout, stopping))
            try:
                yield calls
            finally:
                stopping.set()
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def facts(bus: Bus, *kinds: type[E]) -> list[Recorded[Any]]:
    """Return all facts of these kinds, in order."""
    events = bus.follow.events(after=0, until=await bus.log.head())
    return [event async for event in events if isinstance(event.fact, kinds)]


async def there(bus: Bus, kind: type[E], count: int = 1, within: float = 20) -> list[Recorded[Any]]:
    """Wait for facts of a kind."""
    async with asyncio.timeout(within):
        while len(found := await facts(bus, kind)) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found
