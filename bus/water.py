"""The high-water mark: how far the log has come, kept outside of it.

One flipped bit can make the server drop half a log and count from there again, without a word.
The mark is compared at each connection. It is written, fsynced and renamed, at start, at stop
and once a second while the log moves: often enough that a lost block (thousands of events)
always shows, rarely enough to cost an append nothing.
"""

import asyncio
import fcntl
import os
from pathlib import Path
from typing import Final

import structlog

from bus.blobs import write_whole
from schemas.errors import LogRewound

log = structlog.get_logger(__name__)

NAME: Final = "high-water"
EVERY: Final = 1.0  # seconds


def read(home: Path) -> int | None:
    """Return the mark, None where no log was ever known."""
    try:
        return int((home / NAME).read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise LogRewound(
            f"the high-water mark in {home / NAME} is not a number",
            hint="the disk lost data: compare the log with a backup, then remove the file",
        ) from error


def write(home: Path, seq: int) -> None:
    """Raise the mark to ``seq``; it never falls, whoever else writes it."""
    home.mkdir(parents=True, exist_ok=True)
    lock = os.open(home / (NAME + ".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = read(home)
        if known is None or known < seq:
            write_whole(home / NAME, f"{seq}\n".encode())
    finally:
        os.close(lock)


def check(home: Path, head: int, mark: int) -> None:
    """Raise LogRewound when the log ends before its mark."""
    if head < mark:
        raise LogRewound(
            f"the log ends at {head}, but had reached {mark}: data was lost",
            hint=f"restore the log from a backup, or remove {home / NAME} to go on without it",
        )


class HighWater:
    """The mark of one process."""

    def __init__(self, home: Path) -> None:
        """Keep the mark in ``home``."""
        self.home = home
        self.seq = 0
        self._written = 0

    def reached(self, seq: int) -> None:
        """Note that the log has come to ``seq``; costs nothing."""
        self.seq = max(self.seq, seq)

    async def keep(self) -> None:
        """Write the mark once a second while it moves, for ever."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.flush()
            except OSError as error:
                log.warning("high_water_not_written", error=str(error))

    async def flush(self) -> None:
        """Write the mark now if it has moved."""
        seq = self.seq
        if seq > self._written:
            await asyncio.to_thread(write, self.home, seq)
            self._written = seq
