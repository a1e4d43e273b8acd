"""Tenants that have shut us out, folded from the log.

Reads   tenant.installed/1, tenant.uninstalled/1
"""

from pathlib import Path

from bus.fold import Fold
from consumers.collector.standing import Gone
from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.tenant import TenantInstalled, TenantUninstalled


def key_of(forge: str, owner: str) -> str:
    """Return a tenant's key; no forge tells logins apart by case."""
    return f"{forge} {owner.lower()}"


def key(event: Recorded[Event]) -> str | None:
    """Return whose row a fact belongs to."""
    of = event.of
    return key_of(of.forge, of.id) if of.kind == "tenant" else None


def reduce(gone: Gone | None, event: Recorded[Event]) -> Gone | None:
    """Return why nothing of the tenant is wanted, None while it lets us in."""
    match event.fact:
        case TenantUninstalled():
            return Gone("tenant-uninstalled", event.seq, event.time)
        case TenantInstalled():
            return None
        case _:
            return gone


def fold(snapshots: Path | None = None) -> Fold[Gone]:
    """Return the fold, still empty."""
    return Fold("collector-tenants", row=Gone, key=key, reduce=reduce, snapshots=snapshots)
