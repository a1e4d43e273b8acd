"""The access log: a line of JSON per request, encoded and written off the data path.

Queries are left out: people put tokens into them.
"""

import asyncio
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

_MOST_WAITING: Final = 20_000  # lines; more are counted and dropped
_SERVER_ERROR: Final = 500


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One request as the data path knows it."""

    ended: float  # the loop's clock
    took: float  # seconds
    status: int
    written: int  # bytes of the body
    peer: str
    method: bytes
    host: bytes
    path: bytes
    call_id: bytes
    function: str  # label/environment/function, or nothing
    revision: str
    cause: str


class _Line(msgspec.Struct, omit_defaults=True):
    time: datetime
    status: int
    ms: float
    bytes: int
    peer: str
    method: str = ""
    host: str = ""
    path: str = ""
    call_id: str = ""
    function: str = ""
    revision: str = ""
    cause: str = ""
    event: str = "request_served"


class _Dropped(msgspec.Struct):
    lines: int
    event: str = "access_lines_dropped"


class AccessLog:
    """Collects entries, writes them in batches in a thread: a full pipe holds nobody up."""

    def __init__(self, path: Path | None, *, every: int) -> None:
        """Write to a file, or to standard output; one line in ``every``, errors always."""
        self._every = every
        self._file = os.dup(1) if path is None else _open(path)
        self._entries: list[Entry] = []
        self._skipped = 0
        self._dropped = 0
        self._writing: asyncio.Future[None] | None = None
        self._encoder = msgspec.json.Encoder()

    def wants(self, status: int) -> bool:
        """Tell whether this request is to be logged."""
        if not self._every:
            return False
        self._skipped += 1
        if self._skipped < self._every and status < _SERVER_ERROR:
            return False
        self._skipped = 0
        return True

    def add(self, entry: Entry) -> None:
        """Take one entry; it is written by the next ``flush``."""
        if len(self._entries) < _MOST_WAITING:
            self._entries.append(entry)
        else:
            self._dropped += 1

    def flush(self, now: float) -> None:
        """Begin to write what has collected, unless the last batch is still being written."""
        if not self._entries or (self._writing is not None and not self._writing.done()):
            return
        entries, self._entries = self._entries, []
        dropped, self._dropped = self._dropped, 0
        loop = asyncio.get_running_loop()
        offset = time.time() - now
        self._writing = loop.run_in_executor(None, self._write, entries, offset, dropped)

    async def close(self, now: float) -> None:
        """Write the rest."""
        if self._writing is not None:
            await self._writing
        self.flush(now)
        if self._writing is not None:
            await self._writing
        os.close(self._file)

    def _write(self, entries: list[Entry], offset: float, dropped: int) -> None:
        lines: list[msgspec.Struct] = [_line(entry, offset) for entry in entries]
        if dropped:
            lines.append(_Dropped(lines=dropped))
        data = b"".join(self._encoder.encode(line) + b"\n" for line in lines)
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError:  # nobody reads: what is served matters more than what is said of it
            self._every = 0


def _open(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)


def _line(entry: Entry, offset: float) -> _Line:
    return _Line(
        time=datetime.fromtimestamp(entry.ended + offset, UTC),
        status=entry.status,
        ms=round(entry.took * 1000, 3),
        bytes=entry.written,
        peer=entry.peer,
        method=entry.method.decode("latin-1"),
        host=entry.host.decode("latin-1"),
        path=entry.path.decode("latin-1"),
        call_id=entry.call_id.decode("latin-1"),
        function=entry.function,
        revision=entry.revision,
        cause=entry.cause,
    )
