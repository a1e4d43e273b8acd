"""Register: which secrets there are, ours and those of a secrets.yml; folded from the log.

Reads   secret.sealed/1, secret.removed/1, secret.bound/1, secret.unbound/1
"""

from datetime import datetime
from pathlib import Path

import msgspec

from bus.fold import Fold
from schemas.envelope import Recorded
from schemas.environments import PRODUCTION, Kind
from schemas.events import Event
from schemas.events.secret import (
    ScopeKind,
    SecretBound,
    SecretRemoved,
    SecretSealed,
    SecretUnbound,
)


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """One secret, without its value: set here, or sealed in a repository for its cluster."""

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
    sealed: bool = False  # the cluster's, from a secrets.yml; ``name`` is the cluster's too
    keys: tuple[str, ...] = ()  # files in a sealed one
    sha: str = ""  # the commit that a sealed one comes from


def fold(snapshots: Path | None = None, name: str = "secrets") -> Fold[Secret]:
    """Return the fold; whoever lists or rotates runs it, each user's has a name of its own."""
    return Fold(name, row=Secret, key=key, reduce=reduce, snapshots=snapshots)


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
        case SecretBound() as fact:
            return Secret(
                forge=event.of.forge,
                project=event.of.project,
                id=event.of.id,
                of=event.name,
                scope="project",
                name=fact.name,
                key_id="",
                set=event.time,
                by=event.actor,
                sealed=True,
                keys=fact.keys,
                sha=fact.sha or "",
            )
        case SecretRemoved() | SecretUnbound():
            return None
        case _:
            return row
