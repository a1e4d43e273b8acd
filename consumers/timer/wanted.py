"""Timers that are wanted, folded from the log: of functions, open runs, previews and removals.

Reads   function.deployed/1, function.removed/1, run.queued/1, ends of runs,
        environment.opened/1, environment.renewed/1, environment.closed/1,
        collection.planned/1, collection.cancelled/1, timer.fired/1

A scheduled function is due at the first moment of its schedule after it was last called, or
deployed. So what was missed is due as soon as it can be, once, however many moments passed.
"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from bus.fold import Fold
from bus.timers import Timer
from schemas.cron import CronInvalid, parse
from schemas.envelope import Aggregate, Recorded
from schemas.events import Event
from schemas.events.collection import CollectionCancelled, CollectionPlanned
from schemas.events.environment import (
    EnvironmentClosed,
    EnvironmentOpened,
    EnvironmentRenewed,
)
from schemas.events.function import FunctionDeployed, FunctionRemoved
from schemas.events.run import RunCancelled, RunFinished, RunQueued, RunSuperseded
from schemas.events.timer import TimerFired
from schemas.schedule import Schedule

CRON: Final = "cron-function"
TIMEOUT: Final = "run-timeout"
PREVIEW: Final = "preview-expiry"
COLLECTION: Final = "collection"


class Target(msgspec.Struct, frozen=True):
    """A function as its callers know it."""

    label: str
    environment: str
    function: str
    policy: str


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is to happen."""

    purpose: str
    forge: str
    project: str
    about: str  # environment/function, the run, or the environment
    name: str  # the project's
    after: datetime  # last called, deployed, queued, or used
    schedule: Schedule = Schedule()  # of a function
    target: Target | None = None
    fired: int = 0  # the sequence of its last timer.fired
    until: datetime | None = None  # when a preview closes, or a function goes; None: not any more

    @property
    def of(self) -> Aggregate:
        """Return what its facts are about."""
        return Aggregate(self.forge, self.project, "timer", f"{self.purpose}/{self.about}")

    def timer(self, timeout: timedelta) -> Timer | None:
        """Return when it is due; None when it is not to happen any more."""
        if self.purpose == TIMEOUT:
            return None if self.fired else self._at(self.after + timeout)
        if self.purpose in (PREVIEW, COLLECTION):
            return self._at(self.until) if self.until else None
        try:
            return self._at(parse(self.schedule.cron, self.schedule.zone).next(self.after))
        except CronInvalid:  # of a stack that an older release let pass
            return None

    def _at(self, at: datetime) -> Timer:
        return Timer(
            purpose=self.purpose, forge=self.forge, project=self.project, about=self.about, at=at
        )


def key_of(purpose: str, forge: str, project: str, about: str) -> str:
    """Return a row's key."""
    return f"{purpose} {forge} {project} {about}"


def key(event: Recorded[Event]) -> str | None:
    """Return whose row a fact belongs to."""
    of = event.of
    match event.fact:
        case FunctionDeployed() | FunctionRemoved():
            return key_of(CRON, of.forge, of.project, of.id)
        case RunQueued() | RunSuperseded() | RunCancelled() | RunFinished():
            return key_of(TIMEOUT, of.forge, of.project, of.id)
        case EnvironmentOpened() | EnvironmentRenewed() | EnvironmentClosed():
            return key_of(PREVIEW, of.forge, of.project, of.id)
        case CollectionPlanned() | CollectionCancelled():
            return key_of(COLLECTION, of.forge, of.project, of.id)
        case TimerFired(purpose=purpose, about=about):
            return key_of(purpose, of.forge, of.project, about)
        case _:
            return None


def reduce(row: Wanted | None, event: Recorded[Event]) -> Wanted | None:
    """Return what is wanted after one more fact."""
    match event.fact:
        case FunctionDeployed() as fact:
            return _scheduled(row, event, fact) if fact.schedule.cron else None
        case RunQueued():
            return _wanted(TIMEOUT, event)
        case TimerFired(due=due):
            return row and replace(row, after=max(due, event.time), fired=event.seq, until=None)
        case (
            EnvironmentOpened(until=until)
            | EnvironmentRenewed(until=until)
            | CollectionPlanned(due=until)
        ):
            return replace(row or _wanted(_purpose(event), event), after=event.time, until=until)
        case EnvironmentClosed() | CollectionCancelled() if row and row.fired:
            return replace(row, until=None)  # what fired before guards what will fire
        case _:
            return None


def _purpose(event: Recorded[Event]) -> str:
    return COLLECTION if isinstance(event.fact, CollectionPlanned) else PREVIEW


def _scheduled(row: Wanted | None, event: Recorded[Event], fact: FunctionDeployed) -> Wanted:
    """Return the function's timer; a new revision under the same schedule moves nothing."""
    target = Target(fact.label, fact.environment, fact.function, fact.route.policy)
    if row is not None and row.schedule == fact.schedule:
        return replace(row, target=target, name=event.name or row.name)
    fired = row.fired if row else 0
    new = _wanted(CRON, event)
    return replace(new, schedule=fact.schedule, target=target, fired=fired)


def _wanted(purpose: str, event: Recorded[Event]) -> Wanted:
    of = event.of
    return Wanted(
        purpose=purpose,
        forge=of.forge,
        project=of.project,
        about=of.id,
        name=event.name,
        after=event.time,
    )


def wanted(snapshots: Path | None = None) -> Fold[Wanted]:
    """Return the fold; its snapshots are kept in a folder, if given."""
    return Fold("timers", row=Wanted, key=key, reduce=reduce, snapshots=snapshots)
