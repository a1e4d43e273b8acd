"""The access log: a line of JSON per request, encoded in batches and written by a thread.

Queries are left out: people put tokens into them.
"""

import asyncio
import os
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

_BATCH: Final = 256  # lines encoded at once: few enough that no request waits for it
_MOST_WAITING: Final = 16 * 1024 * 1024  # bytes; lines beyond are counted and dropped
_SERVER_ERROR: Final = 500


class Entry(
    msgspec.Struct,
    frozen=True,
    gc=False,
    omit_defaults=True,
    tag_field="event",
    tag="request_served",
):
    """One request."""

    time: datetime  # when it ended, UTC
    status: int
    ms: float
    bytes: int  # of the body, to the caller
    peer: str
    method: str = ""
    host: str = ""
    path: str = ""
    call_id: str = ""
    function: str = ""  # label/environment/function
    revision: str = ""
    cause: str = ""


class _Dropped(msgspec.Struct, tag_field="event", tag="access_lines_dropped"):
    lines: int


class AccessLog:
    """Collects entries; whoever reads them late, or never, holds nobody up."""

    def __init__(self, path: Path | None, *, every: int) -> None:
        """Write to a file, or to standard output; one line in ``every``, errors always."""
        self._every = every
        self._file = os.dup(1) if path is None else _open(path)
        self._entries: list[Entry] = []
        self._encoded: list[bytes] = []
        self._waiting = 0  # bytes encoded and not handed to the thread
        self._skipped = 0
        self._dropped = 0
        self._writing: asyncio.Future[None] | None = None
        self._encode = msgspec.json.Encoder().encode_lines

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
        """Take one entry; it is written after the next ``flush``."""
        self._entries.append(entry)
        if len(self._entries) >= _BATCH:
            self._pack()

    def flush(self) -> None:
        """Begin to write what has collected, unless the last batch is still being written."""
        self._pack()
        if not self._encoded or (self._writing is not None and not self._writing.done()):
            return
        data = b"".join(self._encoded)
        self._encoded, self._waiting = [], 0
        loop = asyncio.get_running_loop()
        self._writing = loop.run_in_executor(None, self._write, data)

    async def close(self) -> None:
        """Write the rest."""
        if self._writing is not None:
            await self._writing
        while self._entries or self._encoded or self._dropped:
            self.flush()
            if self._writing is not None:
                await self._writing
        os.close(self._file)

    def _pack(self) -> None:
        entries: list[Entry] = self._entries
        self._entries = []
        if self._waiting > _MOST_WAITING:
            self._dropped += len(entries)
            return
        lines = self._encode(entries)
        if self._dropped:
            lines += self._encode([_Dropped(self._dropped)])
            self._dropped = 0
        if lines:
            self._encoded.append(lines)
            self._waiting += len(lines)

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError:  # nobody reads: what is served matters more than what is said of it
            self._every = 0


def _open(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
