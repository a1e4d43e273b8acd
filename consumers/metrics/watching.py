"""Watching: what the log's server says of its streams and consumers, every few seconds.

While it is away there are no numbers of it: a gauge that stands still would look like peace.
"""

import asyncio
import os
import secrets
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import structlog

from bus.blocking import run_blocking
from bus.connection import Bus
from bus.letters import letters
from bus.log import EVENTS
from bus.streams import STREAMS
from consumers.metrics import instruments
from schemas.errors import LogUnavailable, PushlineError

log = structlog.get_logger(__name__)

EVERY: Final = 10.0  # seconds
LETTERS_EVERY: Final = 30.0  # seconds: all letters are read
FSYNC_EVERY: Final = 30.0
SIZE: Final = 4096  # bytes of the write that is measured


async def watch(bus: Bus, durables: Mapping[str, str], folder: Path) -> None:
    """Ask for ever; ``durables`` are consumers with their streams."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_server(bus, durables))
        group.create_task(_letters(bus))
        group.create_task(_disk(folder))


async def _server(bus: Bus, durables: Mapping[str, str]) -> None:
    while True:
        try:
            await ask(bus, durables)
        except LogUnavailable:
            forget()
        await asyncio.sleep(EVERY)


async def ask(bus: Bus, durables: Mapping[str, str]) -> None:
    """Set the gauges of the server, once."""
    for stream in STREAMS:
        name = stream["name"]
        if (info := await bus.js.info(name)) is not None:
            _stream(name, info)
    for name, stream_name in durables.items():
        if (found := await bus.js.consumer(stream_name, name)) is not None:
            instruments.pending.labels(name).set(found["num_pending"])
            instruments.unacknowledged.labels(name).set(found["num_ack_pending"])
            instruments.redelivered.labels(name).set(found["num_redelivered"])
    instruments.mark.set(bus.water.seq)
    instruments.up.set(1)


def _stream(name: str, info: dict[str, Any]) -> None:
    instruments.stored.labels(name).set(info["state"]["bytes"])
    instruments.messages.labels(name).set(info["state"]["messages"])
    instruments.room.labels(name).set(max(0, info["config"].get("max_bytes", 0)))
    if name == EVENTS:
        instruments.head.set(info["state"]["last_seq"])


def forget() -> None:
    """Say that the server is away, and nothing else of it."""
    instruments.up.set(0)
    for gauge in (
        instruments.stored,
        instruments.messages,
        instruments.room,
        instruments.pending,
        instruments.unacknowledged,
        instruments.redelivered,
    ):
        gauge.clear()


async def _letters(bus: Bus) -> None:
    while True:
        try:
            found = Counter((one.dead.consumer, one.state) for one in await letters(bus))
        except PushlineError as error:
            log.warning("dead_letters_not_counted", code=error.code, message=error.message)
        else:
            instruments.letters.clear()
            for (consumer, state), count in found.items():
                instruments.letters.labels(consumer, state).set(count)
        await asyncio.sleep(LETTERS_EVERY)


async def _disk(folder: Path) -> None:
    while True:
        try:
            instruments.fsync.set(await run_blocking(fsynced, folder))
        except OSError as error:
            log.warning("disk_not_measured", error=str(error))
        await asyncio.sleep(FSYNC_EVERY)


def fsynced(folder: Path) -> float:
    """Return the seconds that one write with its fsync takes in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".fsync-{secrets.token_hex(8)}"
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        begun = time.perf_counter()
        os.write(descriptor, bytes(SIZE))
        os.fsync(descriptor)
        return time.perf_counter() - begun
    finally:
        os.close(descriptor)
        path.unlink()
