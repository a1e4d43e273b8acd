"""Environments: previews that are open, or wait for an approval, folded from the log.

Reads   environment.opened/1, environment.renewed/1, environment.closed/1, pull.held/1,
        pull.approved/1, pull.closed/1
"""

from datetime import datetime

import msgspec

from schemas.envelope import Recorded
from schemas.environments import of_pull
from schemas.events import Event
from schemas.events.environment import EnvironmentClosed, EnvironmentOpened, EnvironmentRenewed
from schemas.events.pull import PullApproved, PullClosed, PullHeld


class Environment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One preview."""

    forge: str
    project: str
    name: str  # of the project
    environment: str
    branch: str = ""
    pull: int = 0  # 0: of the branch itself
    opened: datetime | None = None  # None: it is not open yet
    until: datetime | None = None  # when it is closed, unless it is used
    held: str = ""  # the commit of a fork that waits for an approval
    author: str = ""  # of that


def key(event: Recorded[Event]) -> str | None:
    """Return the environment that an event is about."""
    of = event.of
    match event.fact:
        case PullHeld(number=number) | PullApproved(number=number) | PullClosed(number=number):
            return f"{of.forge}:{of.project}:{of_pull(number)}"
        case _:
            return f"{of.forge}:{of.project}:{of.id}" if of.kind == "environment" else None


def reduce(row: Environment | None, event: Recorded[Event]) -> Environment | None:
    """Return the preview's next row, None for none; pure."""
    match event.fact:
        case EnvironmentOpened(branch=branch, pull=pull, until=until):
            new = row or _new(event, event.of.id)
            return msgspec.structs.replace(
                new, branch=branch, pull=pull, opened=event.time, until=until
            )
        case EnvironmentRenewed(until=until) if row:
            return msgspec.structs.replace(row, until=until)
        case EnvironmentClosed():
            return None
        case fact:
            return _held(row, event, fact)


def _held(row: Environment | None, event: Recorded[Event], fact: Event) -> Environment | None:
    match fact:
        case PullHeld(number=number, sha=sha, author=author):
            new = row or _new(event, of_pull(number))
            return msgspec.structs.replace(new, pull=number, held=sha, author=author)
        case PullApproved(sha=sha) if row and row.held == sha:
            return msgspec.structs.replace(row, held="", author="") if row.opened else None
        case PullClosed() if row and not row.opened:
            return None
        case _:
            return row


def _new(event: Recorded[Event], environment: str) -> Environment:
    of = event.of
    name = event.name or of.project
    return Environment(forge=of.forge, project=of.project, name=name, environment=environment)
