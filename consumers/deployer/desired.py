"""Desired: which revisions the log says are live, and which are about to be.

Reads   function.deploy-started/1, function.deployed/1, function.deploy-failed/1,
        function.removed/1
"""

from datetime import datetime
from pathlib import Path

import msgspec

from bus.fold import Fold
from schemas.envelope import Aggregate, Recorded
from schemas.events import Event
from schemas.events.function import (
    FunctionDeployed,
    FunctionDeployFailed,
    FunctionDeployStarted,
    FunctionRemoved,
)


class Desired(msgspec.Struct, frozen=True, kw_only=True):
    """One function in one environment."""

    of: Aggregate
    live: FunctionDeployed | None = None
    since: datetime | None = None  # when it was seen ready
    pending: str = ""  # a revision that is being started
    failed: int = 0  # the newest generation that did not become ready

    def key(self, revision: str) -> str:
        """Return the platform's key of one of its revisions."""
        return f"{self.of.forge}/{self.of.project}/{self.of.id}@{revision}"


def key(event: Recorded[Event]) -> str | None:
    """Return the row that an event is about, None for none."""
    of = event.of
    return f"{of.forge}/{of.project}/{of.id}" if of.kind == "function" else None


def reduce(row: Desired | None, event: Recorded[Event]) -> Desired | None:
    """Return the function's next row; pure."""
    fact = event.fact
    match fact:
        case FunctionRemoved():
            return None
        case FunctionDeployStarted(revision=revision):
            row = row or Desired(of=event.of)
            return msgspec.structs.replace(row, pending=revision)
        case FunctionDeployed():
            return Desired(of=event.of, live=fact, since=event.time)
        case FunctionDeployFailed(revision=revision, generation=generation) if row:
            pending = "" if row.pending == revision else row.pending
            failed = max(row.failed, generation)
            return msgspec.structs.replace(row, pending=pending, failed=failed)
        case _:
            return row


def desired(snapshots: Path | None = None, name: str = "desired") -> Fold[Desired]:
    """Return the fold, still empty; each user's has a name of its own."""
    return Fold(name, row=Desired, key=key, reduce=reduce, snapshots=snapshots)
