"""Whole logs of builds go after days, save those of kept revisions.

Reads   run.queued/1, run.resolved/1, run.built/1, run.build-failed/1, ends of runs,
        function.deployed/1, function.removed/1, log.collected/1
Writes  log.collected/1
Calls   BuildLogs: where the logs lie
Twice   is harmless: what is deleted is deleted again, and its fact has the id of what named it
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
import structlog
from msgspec.structs import replace

from bus.buildlogs import BuildLogs
from bus.fold import Fold
from bus.log import EventLog
from schemas.envelope import Aggregate, Recorded
from schemas.errors import IdReused, PushlineError
from schemas.events import Event
from schemas.events.function import FunctionDeployed, FunctionRemoved
from schemas.events.log import LogCollected
from schemas.events.run import (
    RunBuildFailed,
    RunBuilt,
    RunCancelled,
    RunFinished,
    RunQueued,
    RunResolved,
    RunSuperseded,
)

NAME: Final = "collector"
MOST: Final = 50  # revisions of a function that can be kept
KINDS: Final = frozenset({"run", "function", "log"})

log = structlog.get_logger(__name__)


class Kept(msgspec.Struct, frozen=True):
    """The log of a function's build of a commit."""

    repository: str
    sha: str
    function: str
    runs: tuple[str, ...]  # that name it
    named: int  # sequence of the fact that named it last
    at: datetime  # when it did

    @property
    def id(self) -> str:
        """Return the id of its facts."""
        return f"{self.sha}/{self.function}"


class Logs(msgspec.Struct, frozen=True, kw_only=True):
    """The logs of one project."""

    forge: str
    project: str
    open: dict[str, tuple[str, str]] = {}  # run → repository and commit
    kept: dict[str, Kept] = {}  # by repository, commit and function
    revisions: dict[str, tuple[str, ...]] = {}  # function → the runs that deployed it, newest last


def key(event: Recorded[Event]) -> str | None:
    """Return whose row a fact belongs to."""
    of = event.of
    return f"{of.forge} {of.project}" if of.kind in KINDS and of.project else None


def reduce(row: Logs | None, event: Recorded[Event]) -> Logs | None:
    """Return the project's logs after one more fact; pure."""
    row = row or Logs(forge=event.of.forge, project=event.of.project)
    id, fact = event.of.id, event.fact
    match fact:
        case FunctionDeployed(run=run):
            runs = (*(one for one in row.revisions.get(id, ()) if one != run), run)
            return replace(row, revisions=row.revisions | {id: runs[-MOST:]})
        case FunctionRemoved():
            left = {place: runs for place, runs in row.revisions.items() if place != id}
            return replace(row, revisions=left)
        case LogCollected(repository=repository, named=named):
            place = f"{repository}/{id}"
            if place not in row.kept or row.kept[place].named > named:  # built once more since
                return row
            return replace(row, kept={name: one for name, one in row.kept.items() if name != place})
        case _:
            return _run(row, event)


def _run(row: Logs, event: Recorded[Event]) -> Logs:
    id = event.of.id
    match event.fact:
        case RunQueued(repository=repository, sha=sha):
            return replace(row, open=row.open | {id: (repository.full_name, sha)})
        case RunResolved(sha=sha) if id in row.open:
            return replace(row, open=row.open | {id: (row.open[id][0], sha)})
        case RunBuilt(function=function) | RunBuildFailed(function=function) if id in row.open:
            return _named(row, event, function)
        case RunFinished() | RunCancelled() | RunSuperseded():
            return replace(row, open={run: one for run, one in row.open.items() if run != id})
        case _:
            return row


def _named(row: Logs, event: Recorded[Event], function: str) -> Logs:
    run = event.of.id
    repository, sha = row.open[run]
    place = f"{repository}/{sha}/{function}"
    before = row.kept[place].runs if place in row.kept else ()
    found = Kept(repository, sha, function, (*before, run)[-MOST:], event.seq, event.time)
    return replace(row, kept=row.kept | {place: found})


def unneeded(row: Logs, keep: int, before: datetime) -> Iterator[Kept]:
    """Yield the logs last named before then that are of no kept revision."""
    needed: set[str] = set().union(*(runs[-keep:] for runs in row.revisions.values()))
    for one in row.kept.values():
        if one.at < before and needed.isdisjoint(one.runs):
            yield one


def fold(snapshots: Path | None = None) -> Fold[Logs]:
    """Return the fold, still empty."""
    return Fold("collector-logs", row=Logs, key=key, reduce=reduce, snapshots=snapshots)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class OldLogs:
    """Looks, and deletes."""

    events: EventLog
    fold: Fold[Logs]
    logs: BuildLogs
    keep: int  # revisions of each function
    age: timedelta  # that a log is kept for in any case
    now: Callable[[], datetime] = _now

    async def step(self) -> int:
        """Delete what can go now; return how much it was.

        What cannot be deleted stays until the next time, and holds nothing else up.
        """
        await self.fold.reached(await self.events.head())
        found = [
            (project, one)
            for project, row in self.fold.rows.items()
            for one in unneeded(row, self.keep, self.now() - self.age)
        ]
        done = 0
        for project, one in found:
            row = self.fold.rows[project]
            if row.open:
                continue  # a run may be writing that very log
            try:
                await self._delete(row, one)
            except PushlineError as error:
                log.info("log_not_deleted", log=one.id, why=error.message)
                continue
            done += 1
        return done

    async def _delete(self, row: Logs, one: Kept) -> None:
        await self.logs.delete(one.repository, one.sha, one.function)
        of = Aggregate(row.forge, row.project, "log", one.id)
        id = f"{NAME}:{row.forge}:{row.project}:log:{one.id}:{one.named}"
        fact = LogCollected(one.repository, one.named)
        with suppress(IdReused):  # another process was quicker
            await self.events.append(fact, of=of, id=id, actor=NAME, name=one.repository)
        log.info("log_collected", project=one.repository, log=one.id)
