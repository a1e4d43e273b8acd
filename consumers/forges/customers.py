"""Customers: the accounts of a forge that may push, as the log says who was on the list when.

Reads   tenant.admitted/1, tenant.dismissed/1, customers.listed/1
"""

from collections.abc import Container
from pathlib import Path
from typing import Final

import msgspec

from bus.fold import Fold
from schemas import subjects
from schemas.envelope import Aggregate, Recorded
from schemas.events import Event
from schemas.events.customers import CustomersListed
from schemas.events.tenant import TenantAdmitted, TenantDismissed
from schemas.tenants import lineage

LIST: Final = Aggregate("", "", "customers", "")
LISTED: Final = subjects.subject(LIST, CustomersListed)
READ: Final = ""  # the row that is there once the list was read
EVERYBODY: Final = "*"


class Admitted(msgspec.Struct, frozen=True):
    """An account that is let in, or the list itself."""


def key(event: Recorded[Event]) -> str | None:
    """Return whose row a fact belongs to."""
    match event.fact:
        case TenantAdmitted() | TenantDismissed():
            return f"{event.of.forge} {event.of.id}"
        case CustomersListed(complete=True):
            return READ
        case _:
            return None


def reduce(row: Admitted | None, event: Recorded[Event]) -> Admitted | None:
    """Return whether the account is let in."""
    if isinstance(event.fact, TenantDismissed):
        return None
    return row or Admitted()


def fold(name: str, snapshots: Path | None = None) -> Fold[Admitted]:
    """Return the fold, under a name of its own for each who has one."""
    return Fold(name, row=Admitted, key=key, reduce=reduce, snapshots=snapshots)


def admits(rows: Container[str], forge: str, owner: str) -> bool:
    """Tell whether an account may push: it, a group that it lies in, or everybody is listed."""
    listed = (*lineage(owner.lower()), EVERYBODY)
    return any(f"{forge} {name}" in rows for name in listed)
