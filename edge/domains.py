"""Domains: which host of an operator's own leads where, folded from the log.

Reads   domain.mapped/1, domain.unmapped/1
"""

import re
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final

import msgspec

from bus.fold import Fold
from schemas.envelope import Aggregate, Recorded
from schemas.errors import PushlineError
from schemas.events import Event
from schemas.events.domain import DomainMapped, DomainUnmapped

_LONGEST: Final = 253
_NAME: Final = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
)


class DomainInvalid(PushlineError):
    """A host that cannot be mapped, or not by whom it was asked."""

    code = "domain_invalid"
    status: ClassVar = 422


class Domain(msgspec.Struct, frozen=True):
    """A host and where it leads."""

    host: str
    label: str
    function: str
    mapped: datetime
    by: str


def aggregate(host: str) -> Aggregate:
    """Return what facts about a host are about."""
    return Aggregate("", "", "domain", host)


def fold(snapshots: Path | None = None, name: str = "domains") -> Fold[Domain]:
    """Return the fold; router and API each run one of their own name."""
    return Fold(name, row=Domain, key=key, reduce=reduce, snapshots=snapshots)


def key(event: Recorded[Event]) -> str | None:
    """Return the host that an event is about."""
    match event.fact:
        case DomainMapped(host=host) | DomainUnmapped(host=host):
            return host
        case _:
            return None


def reduce(row: Domain | None, event: Recorded[Event]) -> Domain | None:
    """Return the host's next row, None for none; pure."""
    match event.fact:
        case DomainMapped(host=host, label=label, function=function):
            return Domain(host, label, function, event.time, event.actor)
        case DomainUnmapped():
            return None
        case _:
            return row


def canonical(host: str, root_domain: str, own: Collection[str] = ()) -> str:
    """Return a host as it is mapped; DomainInvalid where it is no name, or is ours."""
    name = host.strip().lower().removesuffix(".")
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise DomainInvalid(
            f"host: {host[:100]!r} is no host name",
            hint="write it as shop.example.com, without scheme, port and path; "
            "a name in another script in its xn-- form",
        )
    root = root_domain.lower()
    for ours in (root, "localhost"):
        if name == ours or name.endswith(f".{ours}"):
            raise DomainInvalid(
                f"host: {name} belongs to Pushline itself",
                hint=f"whatever ends in {ours} is given to tenants by their label",
            )
    if name in own:
        raise DomainInvalid(f"host: {name} is where Pushline itself answers")
    return name
