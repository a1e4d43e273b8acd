"""Watching the log of a running ``up`` from a test's own process."""

import asyncio
from pathlib import Path

from bus.connection import connect
from bus.settings import BusSettings
from edge.cli import operator
from schemas.ids import tag_of

PATIENCE = 60.0  # seconds


async def seen(home: Path, fact: str, *, count: int = 1) -> None:
    """Return once the log of ``up`` holds ``count`` facts of this name: ``run.queued``."""
    await told(operator.settings(home), fact, count=count)


async def told(settings: BusSettings, fact: str, *, count: int = 1) -> None:
    """Return once a log holds ``count`` facts of this name."""
    found = 0
    async with asyncio.timeout(PATIENCE), connect(settings, name="test") as bus:
        async for event in bus.follow.events(after=0):
            found += tag_of(event.fact).partition("/")[0] == fact
            if found == count:
                return


async def deliveries(home: Path, *, more_than: int) -> int:
    """Return how many deliveries are stored, once they are more than that."""
    async with (
        asyncio.timeout(PATIENCE),
        connect(operator.settings(home), name="test") as bus,
    ):
        while True:
            info = await bus.js.info("DELIVERIES")
            stored = int(info["state"]["last_seq"]) if info else 0
            if stored > more_than:
                return stored
            await asyncio.sleep(0.001)
