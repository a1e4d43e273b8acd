"""Members: roles that were given by hand, by who got them, folded from the log.

They stand beside what the forge says; the higher of the two counts.

Reads   tenant.member-set/1
"""

from datetime import datetime

import msgspec

from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.tenant import TenantMemberSet
from schemas.people import RANKS, Membership, Role, named


class Granted(msgspec.Struct, frozen=True):
    """What one person was made in which tenants."""

    roles: dict[str, Role]  # by ``forge owner``


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's role in a tenant, and who says so."""

    who: str  # as it was written; or the login
    role: Role  # the one that counts
    by_hand: bool  # else as the forge said at the last sign-in
    login: str = ""  # of those who have signed in
    seen: datetime | None = None


def key(event: Recorded[Event]) -> str | None:
    """Return whom an event is about."""
    return named(event.fact.who) if isinstance(event.fact, TenantMemberSet) else None


def reduce(row: Granted | None, event: Recorded[Event]) -> Granted | None:
    """Return the person's next row, None for one who is nothing anywhere; pure."""
    if not isinstance(event.fact, TenantMemberSet):
        return row
    tenant = tenant_key(event.of.forge, event.of.id)
    roles = {} if row is None else {one: role for one, role in row.roles.items() if one != tenant}
    if event.fact.role:
        roles[tenant] = event.fact.role
    return Granted(roles) if roles else None


def tenant_key(forge: str, owner: str) -> str:
    """Return the name of a tenant in rows."""
    return f"{forge} {owner.lower()}"


def together(told: tuple[Membership, ...], granted: list[Granted]) -> tuple[Membership, ...]:
    """Return what the forge told and hands gave: of each tenant the highest role."""
    best = {tenant_key(one.forge, one.owner): one for one in told}
    for tenant, role in (item for row in granted for item in row.roles.items()):
        forge, _, owner = tenant.partition(" ")
        before = best.get(tenant)
        if before is None or RANKS[role] > RANKS[before.role]:
            best[tenant] = Membership(forge, owner, role)
    return tuple(best.values())
