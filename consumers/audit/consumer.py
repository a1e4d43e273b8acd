"""Audit: append a hash-chained record of every event.

Reads   everything
Writes  <home>/audit/audit.jsonl
Calls   nobody
Twice   is harmless: the last line says which event is next, so there is no gap and no repeat
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import structlog

from bus.blocking import run_blocking
from bus.connection import Bus
from consumers.audit.file import RecordFile
from consumers.audit.record import Record, record_of
from schemas.envelope import Recorded
from schemas.events import Event

log = structlog.get_logger(__name__)

BATCH: Final = 500  # records that share one fsync
LINGER: Final = 0.02  # seconds that a record waits for others to share it


async def audit(bus: Bus, path: Path, stopping: asyncio.Event) -> None:
    """Record all events from where the file ends, until told to stop."""
    file = await run_blocking(RecordFile, path)
    log.info("audit_resumed", seq=file.seq)
    ended = asyncio.create_task(stopping.wait())
    events = bus.follow.events(after=file.seq)
    try:
        await _record(events, file, ended)
    finally:
        ended.cancel()
        file.close()


async def _record(
    events: AsyncIterator[Recorded[Event]], file: RecordFile, ended: asyncio.Task[bool]
) -> None:
    """Write in batches: what comes within LINGER of the first shares its fsync."""
    upcoming = asyncio.ensure_future(anext(events))
    try:
        while not ended.done():
            await asyncio.wait((upcoming, ended), return_when=asyncio.FIRST_COMPLETED)
            batch: list[Record] = []
            before = file.hash
            while upcoming.done() and len(batch) < BATCH:
                batch.append(record_of(upcoming.result(), before))
                before = batch[-1].hash
                upcoming = asyncio.ensure_future(anext(events))
                await asyncio.wait((upcoming, ended), timeout=LINGER)
            await run_blocking(file.append, batch)
    finally:
        upcoming.cancel()
