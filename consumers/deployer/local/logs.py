"""Runtime logs: what a revision prints becomes lines in LOGS. It never waits for the log."""

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from schemas.errors import LogUnavailable

EVERY: Final = 0.1  # seconds between two messages
BATCH: Final = 64 * 1024  # bytes of lines in one message
KEPT: Final = 1024 * 1024  # bytes of lines that wait for the log before the oldest are dropped
RATE: Final = 1024 * 1024  # bytes read between two messages; a program that prints more waits
LONGEST: Final = 16 * 1024  # bytes of one line; a longer one is cut into lines
TAIL: Final = 20  # lines kept for whoever asks why it failed

Write = Callable[[Sequence[str]], Awaitable[None]]


class Log:
    """The lines of one revision; ``descriptor`` is where its programs print."""

    def __init__(self, write: Write) -> None:
        """Hand lines to ``write``, which may fail and is tried again."""
        self.tail: deque[str] = deque(maxlen=TAIL)
        self._write = write
        self._lines: deque[str] = deque()
        self._size = 0
        self._dropped = 0
        self._partial = b""
        self._read = 0
        self._paused = False
        self._ended = False
        self._loop = asyncio.get_running_loop()
        self._reader, self.descriptor = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._reader, False)
        self._loop.add_reader(self._reader, self._readable)
        self._flusher = self._loop.create_task(self._flush_for_ever())

    def say(self, line: str) -> None:
        """Add a line of the platform's own."""
        self._add(f"pushline: {line}")

    def _readable(self) -> None:
        try:
            data = os.read(self._reader, BATCH)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._loop.remove_reader(self._reader)
            return
        self._read += len(data)
        if self._read > RATE:
            self._paused = True
            self._loop.remove_reader(self._reader)
        *lines, rest = (self._partial + data).split(b"\n")
        while len(rest) > LONGEST:
            lines.append(rest[:LONGEST])
            rest = rest[LONGEST:]
        self._partial = rest
        for line in lines:
            self._add(line.rstrip(b"\r").decode("utf-8", "replace"))

    def _add(self, line: str) -> None:
        self.tail.append(line)
        self._lines.append(line)
        self._size += len(line) + 1
        while self._size > KEPT:
            self._size -= len(self._lines.popleft()) + 1
            self._dropped += 1

    async def _flush_for_ever(self) -> None:
        while not self._ended:
            await asyncio.sleep(EVERY)
            self._read = 0
            if self._paused:
                self._paused = False
                self._loop.add_reader(self._reader, self._readable)
            await self._flush()

    async def _flush(self) -> None:
        while self._lines:
            batch, size = [], 0
            if self._dropped:
                batch.append(f"pushline: {self._dropped} lines dropped, the log was too slow")
            while self._lines and size < BATCH:
                batch.append(self._lines.popleft())
                size += len(batch[-1]) + 1
            self._size -= sum(len(line) + 1 for line in batch[bool(self._dropped) :])
            dropped, self._dropped = self._dropped, 0
            try:
                await self._write(batch)
            except LogUnavailable:
                back = batch[bool(dropped) :]
                self._lines.extendleft(reversed(back))
                self._size += sum(len(line) + 1 for line in back)
                self._dropped += dropped
                return

    async def drained(self) -> None:
        """Read what is in the pipe by now; for the last words of a program that has ended."""
        for _ in range(64):
            before = self._read
            self._readable()
            if self._read == before or self._paused:
                break
        if self._partial:
            self._add(self._partial.decode("utf-8", "replace"))
            self._partial = b""

    async def close(self) -> None:
        """Store what is left, waiting a moment at most."""
        self._ended = True
        await self.drained()
        self._flusher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._flusher
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._flush(), 2)
        self._loop.remove_reader(self._reader)
        os.close(self._reader)
        os.close(self.descriptor)
