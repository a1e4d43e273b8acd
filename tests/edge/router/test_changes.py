"""Route changes as two router processes see them."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

from bus.connection import Bus, BusSettings
from edge.router.settings import RouterSettings
from tests.edge.router.process import routing
from tests.edge.router.test_process import HELLO, deployed, first, say
from tests.edge.router.wire import Caller, calling, echo, get, upstream

CHANGES = 200
SAID = {1: b"GET / ", 2: b"other"}


async def seen(caller: Caller, revision: int, begun: float) -> float:
    """Return how long after ``begun`` a router answered from a revision."""
    await first(caller, SAID[revision], get())
    return time.monotonic() - begun


async def test_two_hundred_changes_are_seen_by_both(
    bus: Bus, bus_settings: BusSettings, run: Path
) -> None:
    """None is missed, and each is seen soon: usually within 50 ms, however busy the machine."""
    settings = RouterSettings(
        home=bus_settings.home, run=run, nats_url=bus_settings.nats_url, access_log_every=0
    )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(upstream(run / "fn-1.sock", echo))
        await stack.enter_async_context(upstream(run / "fn-2.sock", say))
        routers = [await stack.enter_async_context(routing(settings)) for _ in range(2)]
        callers = [await stack.enter_async_context(calling(one.port)) for one in routers]
        await bus.log.append(deployed(1), of=HELLO, id="test:0")
        await asyncio.gather(*(first(caller, SAID[1], get()) for caller in callers))
        took: list[float] = []
        for change in range(1, CHANGES + 1):
            revision = 1 + change % 2
            begun = time.monotonic()
            await bus.log.append(deployed(revision), of=HELLO, id=f"test:{change}")
            took += await asyncio.gather(*(seen(caller, revision, begun) for caller in callers))

    took.sort()
    assert len(took) == 2 * CHANGES
    assert took[len(took) // 2] < 0.05, took[-10:]
    assert took[int(len(took) * 0.99)] < 1.0, took[-10:]
