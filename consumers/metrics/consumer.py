"""Metrics: numbers for Prometheus, from the log and its server.

Reads   every fact about runs and deploys (a fold), USAGE, the server's own numbers
Writes  its snapshots
Calls   nobody
Twice   in two processes is harmless: both count the same, and each may be scraped
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry

from bus.connection import Bus
from bus.fold import Fold
from consumers.metrics import tally
from consumers.metrics.board import Board
from consumers.metrics.calls import Calls, count
from consumers.metrics.tally import Tally
from consumers.metrics.watching import watch

NAME: Final = "metrics"


def fold(snapshots: Path | None) -> Fold[Tally]:
    """Return the fold of all projects' numbers."""
    return Fold(NAME, row=Tally, key=tally.key, reduce=tally.reduce, snapshots=snapshots)


async def metrics(
    bus: Bus,
    tallies: Fold[Tally],
    durables: Mapping[str, str],
    folder: Path,
    stopping: asyncio.Event,
    *,
    registry: CollectorRegistry = REGISTRY,
) -> None:
    """Count until told to stop; ``durables`` are the consumers to be watched, with their streams.

    The fold is run by whoever runs folds.
    """
    calls = Calls()
    board = Board(tallies, calls)
    registry.register(board)
    try:
        async with asyncio.TaskGroup() as group:
            working = [
                group.create_task(count(bus, calls, folder), name="usage"),
                group.create_task(watch(bus, durables, folder), name="watch"),
            ]
            await stopping.wait()
            for task in working:
                task.cancel()
    finally:
        registry.unregister(board)
