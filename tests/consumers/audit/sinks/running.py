"""A record that grows, and sinks that send it on."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from consumers.audit.file import RecordFile
from consumers.audit.record import Line
from consumers.audit.sinks import NotTaken, Sending, Sink
from consumers.audit.sinks.settings import Common
from tests.consumers.audit.chain import chained, message


class Growing:
    """A record's file and whoever waits for it."""

    def __init__(self, path: Path) -> None:
        """Open it."""
        self.file = RecordFile(path)
        self.grown = asyncio.Condition()

    async def grow(self, count: int, actor: str = "planner") -> None:
        """Append as many records."""
        begin = self.file.seq + 1
        messages = [message(seq, actor=actor) for seq in range(begin, begin + count)]
        self.file.append(chained(messages, self.file.hash))
        async with self.grown:
            self.grown.notify_all()

    @asynccontextmanager
    async def sending(self, *pairs: tuple[Common, Sink]) -> AsyncIterator[None]:
        """Send to sinks while the block runs."""
        sends = [Sending(settings, sink, first=0.01) for settings, sink in pairs]
        tasks = [asyncio.create_task(send.run(self.file, self.grown)) for send in sends]
        try:
            yield
            assert not [task.exception() for task in tasks if task.done()]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


class FakeSink:
    """Takes records, or not."""

    linger = 0.0
    most = 4 * 1024**2

    def __init__(self) -> None:
        """Take everything."""
        self.taken: list[Line] = []
        self.error: Exception | None = None
        self.tried = 0

    @property
    def seqs(self) -> list[int]:
        """Return what was taken."""
        return [line.seq for line in self.taken]

    def window(self, after: int) -> tuple[int, int]:
        """Return the next ten."""
        return after, after + 10

    async def take(self, records: Sequence[Line]) -> None:
        """Take them, or raise what was set."""
        self.tried += 1
        if self.error is not None:
            raise self.error
        self.taken += records


AWAY = NotTaken("answered 503")
