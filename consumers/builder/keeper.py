"""Keeper: a build's whole log becomes an object, for LOGS forgets its lines after days.

Reads   run.built/1, run.build-failed/1; of its run, run.queued/1 and run.resolved/1; LOGS
Writes  the object of the commit and the function
Twice   is harmless: the same lines take their own place

A worker apart from the builder: a store that is down delays no outcome, and loses no log as long
as LOGS has the lines.
"""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

import structlog

from bus.buildlogs import BuildLogs
from bus.lines import Lines
from bus.log import EventLog
from schemas.envelope import Recorded
from schemas.events.run import RunBuildFailed, RunBuilt, RunQueued, RunResolved
from schemas.subjects import build_log

log = structlog.get_logger(__name__)

LIMIT: Final = 32 * 1024 * 1024  # bytes; a log is much smaller, but each attempt adds its own
CUT: Final = f"… the log is cut after {LIMIT} bytes"

Outcome = RunBuilt | RunBuildFailed


@dataclass(frozen=True, slots=True)
class Keeper:
    """A worker; ``bus/work`` calls ``handle``."""

    events: EventLog
    lines: Lines
    logs: BuildLogs
    places: int = 4
    durable: ClassVar[str] = "keeper"
    reads: ClassVar[tuple[type[Outcome], ...]] = (RunBuilt, RunBuildFailed)
    begins: ClassVar[Literal["first", "now"]] = "now"

    def key(self, ended: Recorded[Outcome]) -> str:
        """Return the function: its logs are written one after the other."""
        return f"{ended.of.forge}/{ended.of.project}/{ended.fact.function}"

    async def handle(self, ended: Recorded[Outcome]) -> None:
        """Write the log of the build that has ended."""
        run, function = ended.of, ended.fact.function
        queued, resolved = await asyncio.gather(
            self.events.last(run, RunQueued), self.events.last(run, RunResolved)
        )
        if queued is None:
            log.info("log_of_no_run", run=run.id, function=function)
            return
        name = queued.fact.repository.full_name
        sha = resolved.fact.sha if resolved else queued.fact.sha
        cached = isinstance(ended.fact, RunBuilt) and ended.fact.cached
        if cached and await self.logs.has(name, sha, function):
            return  # what is there tells how it was really built
        text = await self.text(build_log(run.forge, run.project, run.id, function))
        if not text:
            log.info("log_is_empty", run=run.id, function=function)
            return
        key = await self.logs.write(name, sha, function, text)
        log.info("log_kept", run=run.id, function=function, key=key, bytes=len(text))

    async def text(self, subject: str) -> bytes:
        """Return all lines as one text, which ends with the last one's end."""
        size, texts = 0, list[str]()
        async with aclosing(self.lines.read(subject)) as lines:
            async for line in lines:
                size += len(line.text.encode()) + 1
                if size > LIMIT:
                    texts.append(CUT)
                    break
                texts.append(line.text)
        return "".join(f"{text}\n" for text in texts).encode()
