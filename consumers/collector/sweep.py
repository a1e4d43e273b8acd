"""Sweep: all projects are compared at each start, and now and then, whatever was missed."""

import asyncio
from datetime import UTC, datetime
from typing import Final

import structlog

from consumers.collector.consumer import Collector
from consumers.collector.decide import decide
from schemas.errors import PushlineError

EVERY: Final = 600.0  # seconds

log = structlog.get_logger(__name__)


async def sweep(collector: Collector, now: datetime) -> int:
    """Compare each project; return how many facts that led to.

    One that cannot be compared now, as its forge is silent, stays as it is until the next time.
    """
    written, head = 0, await collector.events.head()
    for fold in collector.folds.all():
        await fold.reached(head)
    for key, project in list(collector.folds.projects.rows.items()):
        if not decide(project, collector.folds.tenant_of(project), now, collector.grace):
            continue  # as almost always; the log need not be asked
        try:
            written += len(await collector.settle(key, now))
        except PushlineError as error:
            log.info("collection_waits", project=key, why=error.message)
    return written


async def keep_swept(collector: Collector, stopping: asyncio.Event, every: float = EVERY) -> None:
    """Sweep until told to stop; somebody else runs the folds."""
    while not stopping.is_set():
        await sweep(collector, datetime.now(UTC))
        try:
            async with asyncio.timeout(every):
                await stopping.wait()
        except TimeoutError:
            continue
