"""Standard output: a line a record, for whoever collects the output of processes."""

import os
import select
from collections.abc import Sequence
from typing import Final

from bus.blocking import run_blocking
from consumers.audit.record import Line
from consumers.audit.sinks.state import NotTaken

PIECE: Final = 4096  # bytes, PIPE_BUF: what a pipe that is ready takes at once
PATIENCE: Final = 5.0  # seconds that nobody may read


class StdoutSink:
    """Writes to a descriptor, and never waits for its reader for long."""

    linger = 0.0
    most = 4 * 1024**2  # bytes

    def __init__(self, descriptor: int = 1) -> None:
        """Write to standard output, or to another descriptor."""
        self._to = descriptor
        self._rest = b""  # of the line that was being written when the reader stopped
        self._written = 0

    def window(self, after: int) -> tuple[int, int]:
        """Return the next 500."""
        return after, after + 500

    async def take(self, records: Sequence[Line]) -> None:
        """Write whole lines; NotTaken while nobody reads."""
        await run_blocking(self._write, records)

    def _write(self, records: Sequence[Line]) -> None:
        for line in records:
            if line.seq <= self._written:
                continue
            self._rest = self._rest or line.text + b"\n"
            self._flush()
            self._written = line.seq

    def _flush(self) -> None:
        ready = select.poll()
        ready.register(self._to, select.POLLOUT)
        while self._rest:
            if not ready.poll(PATIENCE * 1000):
                raise NotTaken("nobody reads standard output")
            self._rest = self._rest[os.write(self._to, self._rest[:PIECE]) :]
