"""Sweep: all projects are compared at each start, and now and then, whatever was missed."""

import asyncio
from datetime import UTC, datetime
from typing import Final

import structlog

from consumers.collector.consumer import Collector
from schemas.errors import PushlineError

EVERY: Final = 600.0  # seconds

log = structlog.get_logger(__name__)


async def sweep(collector: Collector, now: datetime) -> int:
    """Compare each project; return how many facts that led to.

    One that cannot be compared now, as its forge is silent, stays as it is until the next time.
    """
    written = 0
    for key in list(collector.folds.projects.rows):
        try:
            written += len(await collector.settle(key, now))
        except PushlineError as error:
            log.info("collection_waits", project=key, why=error.message)
    return written


async def keep_swept(collector: Collector, stopping: asyncio.Event, every: float = EVERY) -> None:
    """Sweep until told to stop; somebody else runs the folds."""
    for fold in collector.folds.all():
        await fold.reached(await collector.events.head())
    while not stopping.is_set():
        await sweep(collector, datetime.now(UTC))
        try:
            async with asyncio.timeout(every):
                await stopping.wait()
        except TimeoutError:
            continue
