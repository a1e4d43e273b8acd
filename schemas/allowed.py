"""What operators said that accounts may have, folded from the log, and what holds for the rest.

Reads   tenant.quota-set/1
"""

from collections.abc import Mapping

import msgspec

from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.tenant import TenantQuotaSet
from schemas.quotas import Quota


class Said(msgspec.Struct, frozen=True):
    """What was said of one account."""

    fact: TenantQuotaSet


def key(event: Recorded[Event]) -> str | None:
    """Return whose row a fact belongs to."""
    return f"{event.of.forge} {event.of.id}" if isinstance(event.fact, TenantQuotaSet) else None


def reduce(row: Said | None, event: Recorded[Event]) -> Said | None:
    """Return the newest that was said; None where nothing of it is left."""
    fact = event.fact
    if not isinstance(fact, TenantQuotaSet):
        return row
    return None if fact == TenantQuotaSet() else Said(fact)


def quota_of(rows: Mapping[str, Said], whose: str, usual: Quota) -> Quota:
    """Return what an account may have: what was said of it, and where nothing was, the usual."""
    said = rows.get(whose)
    if said is None:
        return usual
    values = msgspec.structs.asdict(said.fact)
    own = {name: value for name, value in values.items() if value is not None}
    return msgspec.structs.replace(usual, **own)
