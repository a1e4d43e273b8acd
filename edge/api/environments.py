"""Environments: the previews there are, folded from the log.

Reads   environment.opened/1, environment.renewed/1, environment.closed/1
"""

from datetime import datetime

import msgspec

from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.environment import EnvironmentClosed, EnvironmentOpened, EnvironmentRenewed


class Environment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One preview that is open."""

    forge: str
    project: str
    name: str  # of the project
    environment: str
    branch: str
    pull: int = 0  # 0: of the branch itself
    opened: datetime
    until: datetime  # when it is closed, unless it is used


def key(event: Recorded[Event]) -> str | None:
    """Return the environment that an event is about."""
    of = event.of
    return f"{of.forge}:{of.project}:{of.id}" if of.kind == "environment" else None


def reduce(row: Environment | None, event: Recorded[Event]) -> Environment | None:
    """Return the preview's next row, None once it is closed; pure."""
    match event.fact:
        case EnvironmentOpened(branch=branch, pull=pull, until=until):
            return Environment(
                forge=event.of.forge,
                project=event.of.project,
                name=event.name or event.of.project,
                environment=event.of.id,
                branch=branch,
                pull=pull,
                opened=event.time,
                until=until,
            )
        case EnvironmentRenewed(until=until) if row:
            return msgspec.structs.replace(row, until=until)
        case EnvironmentClosed():
            return None
        case _:
            return row
