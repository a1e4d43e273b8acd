"""Labels: whose host a label is, folded from the log.

Reads   tenant.labelled/1
"""

import msgspec

from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.tenant import TenantLabelled


class Tenant(msgspec.Struct, frozen=True):
    """A forge's owner."""

    forge: str
    owner: str  # in lower case


def key(event: Recorded[Event]) -> str | None:
    """Return the label that a fact gives away."""
    return event.fact.label.lower() if isinstance(event.fact, TenantLabelled) else None


def reduce(row: Tenant | None, event: Recorded[Event]) -> Tenant | None:
    """Return whose the label is: the first one's, for ever, whatever it is called; pure."""
    match event.fact:
        case TenantLabelled(was=was) if row in (None, Tenant(event.of.forge, was)):
            return Tenant(event.of.forge, event.of.id.lower())
        case _:
            return row
