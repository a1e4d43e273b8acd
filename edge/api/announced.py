"""Announced: the removals that are to come, folded from the log.

Reads   collection.planned/1, collection.cancelled/1, function.removed/1
"""

from datetime import datetime

import msgspec

from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.collection import CollectionCancelled, CollectionPlanned
from schemas.events.function import FunctionRemoved


class Announced(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A function that goes unless somebody keeps it."""

    id: int  # sequence of the fact that announces it
    forge: str
    project: str
    name: str  # of the project
    label: str
    environment: str
    function: str
    reason: str
    because: int  # sequence of the fact that led to it
    announced: datetime
    due: datetime
    kept: int = 0  # sequence of the fact that takes it back


def key(event: Recorded[Event]) -> str | None:
    """Return the function that an event is about."""
    of = event.of
    return f"{of.forge}:{of.project}:{of.id}" if of.kind in ("collection", "function") else None


def reduce(row: Announced | None, event: Recorded[Event]) -> Announced | None:
    """Return the removal that was announced last, None once the function is gone; pure."""
    match event.fact:
        case CollectionPlanned() as fact:
            return Announced(
                id=event.seq,
                forge=event.of.forge,
                project=event.of.project,
                name=event.name or event.of.project,
                label=fact.label,
                environment=fact.environment,
                function=fact.function,
                reason=fact.reason,
                because=fact.because,
                announced=event.time,
                due=fact.due,
            )
        case CollectionCancelled() if row:
            return msgspec.structs.replace(row, kept=event.seq)
        case FunctionRemoved():
            return None
        case _:
            return row
