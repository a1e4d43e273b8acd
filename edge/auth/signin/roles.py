"""Roles: what a provider's groups make of somebody in our tenants."""

import re
from collections.abc import Callable, Iterable
from typing import Final

from edge.auth.labels import Tenant
from edge.auth.signin.errors import ProviderAnswered
from schemas.people import RANKS, Membership, Role

MOST: Final = 1000  # memberships of one person: they stand in one fact, and in every router
_GROUP: Final = re.compile(r"/?(?P<tenant>[^\s:]+?)(?::(?P<role>viewer|member|owner))?")
_FORGES: Final = ("github", "gitlab", "local")


def bounded(found: Iterable[Membership]) -> tuple[Membership, ...]:
    """Return of each tenant the highest role; raises ProviderAnswered for too many tenants."""
    best: dict[tuple[str, str], Membership] = {}
    for one in found:
        before = best.get((one.forge, one.owner))
        if before is None or RANKS[one.role] > RANKS[before.role]:
            best[one.forge, one.owner] = one
    if len(best) > MOST:
        raise ProviderAnswered(
            f"you belong to {len(best)} groups, and {MOST} can be kept",
            hint="ask an owner for a role by hand, and sign in with an account of fewer groups",
        )
    return tuple(best.values())


def of_groups(
    groups: Iterable[object], tenant_of: Callable[[str], Tenant | None]
) -> tuple[Membership, ...]:
    """Return what the groups of an OIDC token mean here; whatever has no meaning is left out.

    ``forge/owner`` or a tenant's label, with ``:viewer`` ``:member`` ``:owner`` or, for member,
    nothing behind it. Keycloak writes a slash before.
    """
    found = (_of_group(group, tenant_of) for group in groups if isinstance(group, str))
    return bounded(one for one in found if one is not None)


def _of_group(group: str, tenant_of: Callable[[str], Tenant | None]) -> Membership | None:
    match = _GROUP.fullmatch(group)
    if match is None:
        return None
    role: Role = _role(match["role"])
    forge, slash, owner = match["tenant"].partition("/")
    if slash:
        known = forge in _FORGES and owner and not owner.endswith("/")
        return Membership(forge, owner.lower(), role) if known else None
    tenant = tenant_of(forge)
    return None if tenant is None else Membership(tenant.forge, tenant.owner, role)


def _role(word: str | None) -> Role:
    match word:
        case "viewer" | "owner":
            return word
        case _:
            return "member"
