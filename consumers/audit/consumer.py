"""Audit: append a hash-chained record of every event.

Reads   everything, as it stands in EVENTS
Writes  <home>/audit/record.jsonl, audit.anchored/1
Calls   the sinks, each by itself (``sinks/``)
Twice   is harmless: the last line says which event is next, so there is no gap and no repeat;
        a second process waits until the first one ends, one elsewhere writes the same bytes
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Final

import structlog

from bus.blocking import run_blocking
from bus.connection import Bus
from bus.pull import Message
from consumers.audit import instruments
from consumers.audit.anchors import Anchors
from consumers.audit.file import RecordBroken, RecordFile, RecordHeld
from consumers.audit.record import Line, before_of, line_of
from consumers.audit.sinks import Named, Sending, configure

log = structlog.get_logger(__name__)

AGAIN: Final = 0.5  # seconds between two looks at whether the record is free
IDLE: Final = 5.0  # seconds between two looks at whether the head is to be said


async def audit(
    bus: Bus, path: Path, stopping: asyncio.Event, sinks: Sequence[Sending] = ()
) -> None:
    """Record all events from where the file ends, until told to stop; the sinks send them on.

    Raises RecordBroken, RecordForked where file and log do not belong together.
    """
    file = await _held(path, stopping)
    if file is None:
        return
    sending: list[asyncio.Task[None]] = []
    try:
        await _belongs(bus, file)
        log.info("audit_resumed", seq=file.seq)
        await run_blocking(configure, path, [Named(sink.name, sink.kind) for sink in sinks])
        grown = asyncio.Condition()
        sending = [asyncio.create_task(sink.run(file, grown), name=sink.name) for sink in sinks]
        await _record(bus, file, grown, stopping)
    finally:
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)
        await run_blocking(file.close)


async def _held(path: Path, stopping: asyncio.Event) -> RecordFile | None:
    """Return the file once nobody else writes it; None when told to stop before."""
    said = False
    while not stopping.is_set():
        try:
            return await run_blocking(RecordFile, path)
        except RecordHeld as error:
            if not said:
                log.info("audit_stands_by", why=error.message)
            said = True
        with suppress(TimeoutError):
            async with asyncio.timeout(AGAIN):
                await stopping.wait()
    return None


async def _belongs(bus: Bus, file: RecordFile) -> None:
    """Raise RecordBroken unless the last line is what the log says there."""
    if file.last is None:
        return
    if (head := await bus.log.head()) < file.seq:
        raise RecordBroken(
            f"the record knows events up to #{file.seq}, the log ends at {head}",
            hint="the log was rewound: restore it, or keep the record as evidence, move it away",
        )
    async for messages in bus.follow.stored(after=file.seq - 1, until=file.seq):
        if line_of(messages[-1], before_of(file.last)).text != file.last.text:
            raise RecordBroken(
                f"#{file.seq} of the record is not what this log has there",
                hint="is it another log's? keep the record as evidence and move it away",
            )


async def _record(
    bus: Bus, file: RecordFile, grown: asyncio.Condition, stopping: asyncio.Event
) -> None:
    """Write what comes; what comes while the disk works shares the next write."""
    anchors = Anchors(bus, file)
    await anchors.begin()
    async with aclosing(bus.follow.stored(after=file.seq)) as stored:
        async for messages in _until(stopping, stored, IDLE):
            if messages:
                lines = _chained(messages, file.hash)
                await run_blocking(file.append, lines)
                instruments.recorded.set(file.seq)
                for message, line in zip(messages, lines, strict=True):
                    anchors.passed(message, line)
                async with grown:
                    grown.notify_all()
            if anchors.due():
                await anchors.say()


def _chained(messages: Sequence[Message], before: str) -> list[Line]:
    lines: list[Line] = []
    for message in messages:
        lines.append(line_of(message, before))
        before = lines[-1].hash
    return lines


async def _until(
    stopping: asyncio.Event, source: AsyncGenerator[list[Message], None], idle: float
) -> AsyncGenerator[list[Message], None]:
    """Yield from ``source`` until told to stop, and nothing after each ``idle`` seconds."""
    ended = asyncio.create_task(stopping.wait())
    upcoming: asyncio.Future[list[Message]] | None = None
    try:
        while not ended.done():
            upcoming = upcoming or asyncio.ensure_future(anext(source))
            await asyncio.wait((upcoming, ended), timeout=idle, return_when=asyncio.FIRST_COMPLETED)
            if upcoming.done():
                batch, upcoming = upcoming.result(), None
                yield batch
            elif not ended.done():
                yield []
    finally:
        ended.cancel()
        if upcoming is not None:
            upcoming.cancel()
            await asyncio.wait((upcoming,))
