"""Members: who got which role by hand in a tenant, folded from the log.

Reads   tenant.member-set/1
"""

import msgspec
from msgspec.structs import replace

from consumers.planner.labels import key_of
from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.tenant import TenantMemberSet


class Members(msgspec.Struct, frozen=True):
    """A tenant's members by hand."""

    given: dict[str, TenantMemberSet] = {}  # the newest fact about each


def key(event: Recorded[Event]) -> str | None:
    """Return whose row a fact belongs to."""
    return key_of(event.of) if isinstance(event.fact, TenantMemberSet) else None


def reduce(members: Members | None, event: Recorded[Event]) -> Members | None:
    """Return who is a member after one more fact."""
    old, fact = members or Members(), event.fact
    if not isinstance(fact, TenantMemberSet):
        return members
    given = {who: one for who, one in old.given.items() if who != fact.who}
    given |= {fact.who: fact} if fact.role else {}
    return replace(old, given=given) if given else None
