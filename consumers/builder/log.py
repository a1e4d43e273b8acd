"""A build's log: lines on their way to LOGS, and the last of them kept for who must know why."""

import asyncio
import re
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Self

import structlog

from bus.allowance import Allowance
from bus.lines import Lines
from schemas.errors import PushlineError

log = structlog.get_logger(__name__)

EVERY: Final = 0.1  # seconds between two writes
TAIL: Final = 20  # lines
LINE: Final = 2000  # characters of a line
_COLOUR: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")  # and where a terminal's cursor goes
_USERINFO: Final = re.compile(r"(?<=://)[^/\s@]+(?=@)")  # user and password, or a token, in a URL


@dataclass(slots=True)
class BuildLog:
    """Takes lines at any time and writes them in order; never stops a build."""

    lines: Lines
    subject: str
    limit: int  # bytes
    whose: str = ""  # the tenant's label
    allowance: Allowance = field(default_factory=lambda: Allowance(0))
    waiting: list[str] = field(default_factory=list)
    last: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL))
    written: int = 0
    _done: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    def say(self, line: str) -> None:
        """Take one line; beyond the limit nothing more is written, the tail goes on."""
        shown = printable(line)
        self.last.append(shown)
        if self.written > self.limit:
            return
        self.written += len(shown.encode()) + 1
        if self.written > self.limit:
            shown = f"… the log is cut after {self.limit} bytes"
        self.waiting.append(shown)

    @property
    def tail(self) -> tuple[str, ...]:
        """Return the last lines."""
        return tuple(self.last)

    async def __aenter__(self) -> Self:
        """Begin to write."""
        self._task = asyncio.create_task(self._write())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Write what is left."""
        self._done.set()
        if self._task:
            await self._task

    async def _write(self) -> None:
        while not self._done.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._done.wait(), EVERY)
            await self._flush()

    async def _flush(self) -> None:
        ready, self.waiting = self.waiting, []
        if not ready:
            return
        try:
            await self.allowance.write(self.lines, self.whose, self.subject, ready)
        except PushlineError as error:
            log.warning("build_log_lost", subject=self.subject, code=error.code)


def printable(line: str) -> str:
    """Return a line as it can be shown anywhere, for ever.

    Bounded, without control characters, and without what stands before the host of a URL.
    """
    plain = _COLOUR.sub("", line[: 2 * LINE])
    safe = _USERINFO.sub("***", plain)[:LINE]  # first: a cut URL hides its @
    return "".join(char if char.isprintable() else " " for char in safe).rstrip()
