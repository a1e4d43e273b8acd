"""Register: which secrets there are, and the blob that holds each; folded from the log.

Reads   secret.sealed/1, secret.removed/1
"""

from datetime import datetime
from pathlib import Path

import msgspec

from bus.fold import Fold
from schemas.envelope import Recorded
from schemas.environments import PRODUCTION, Kind
from schemas.events import Event
from schemas.events.secret import ScopeKind, SecretRemoved, SecretSealed


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """One secret, without its value."""

    forge: str
    project: str  # the forge's own id; "" of a tenant's
    id: str  # of the aggregate
    of: str  # owner/name, or the owner; a label
    scope: ScopeKind
    name: str
    key_id: str
    set: datetime  # when somebody gave it its value
    by: str  # who did
    environments: tuple[Kind, ...] = (PRODUCTION,)


def fold(snapshots: Path | None = None) -> Fold[Secret]:
    """Return the fold; whoever lists or rotates runs it."""
    return Fold("secrets", row=Secret, key=key, reduce=reduce, snapshots=snapshots)


def key(event: Recorded[Event]) -> str | None:
    """Return the row: the secret within its project and forge."""
    of = event.of
    return f"{of.forge}:{of.project}:{of.id}" if of.kind == "secret" else None


def reduce(row: Secret | None, event: Recorded[Event]) -> Secret | None:
    """Return the secret's next row, None once it is removed; pure."""
    match event.fact:
        case SecretSealed(key_id=key_id, resealed=True) if row:
            return msgspec.structs.replace(row, key_id=key_id)
        case SecretSealed() as fact:
            return Secret(
                forge=event.of.forge,
                project=event.of.project,
                id=event.of.id,
                of=event.name,
                scope=fact.scope,
                name=fact.name,
                key_id=fact.key_id,
                set=event.time,
                by=event.actor,
                environments=fact.environments,
            )
        case SecretRemoved():
            return None
        case _:
            return row
