"""Issuing: what somebody may give away with an API token. Nobody can what he may not himself."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

from edge.auth.people import Caller
from edge.auth.policy import INVOKE, NEEDS, Resource, has_role
from schemas.errors import PushlineError
from schemas.people import SCOPES, Scope
from schemas.tenants import lineage

DAYS: Final = 90
MOST_DAYS: Final = 365
LONGEST: Final = 60  # letters of a token's name
MOST: Final = 50  # tenants of one token


class TokenInvalid(PushlineError):
    """A token that somebody wants cannot be made; the message names the field."""

    code = "token_invalid"
    status: ClassVar = 422


class ScopeRefused(PushlineError):
    """Somebody wants to give away what he may not himself."""

    code = "scope_refused"
    status: ClassVar = 403


def wanted_name(name: str) -> str:
    """Return a token's name; raises TokenInvalid."""
    if not name.strip() or len(name) > LONGEST or not name.isprintable():
        raise TokenInvalid(
            f"name: {name[:LONGEST]!r} cannot be the name of a token",
            hint=f"something that tells where it lies, of at most {LONGEST} letters",
        )
    return name.strip()


def wanted_scopes(scopes: Sequence[str]) -> tuple[Scope, ...]:
    """Return scopes in their order, each once; raises TokenInvalid for none and unknown ones."""
    if unknown := sorted(set(scopes) - set(SCOPES)):
        raise TokenInvalid(
            f"scopes: there is no {unknown[0][:LONGEST]!r}", hint=f"there are {', '.join(SCOPES)}"
        )
    if not scopes:
        raise TokenInvalid("scopes: there is none", hint=f"some of {', '.join(SCOPES)}")
    return tuple(scope for scope in SCOPES if scope in scopes)


def wanted_tenants(tenants: Sequence[str]) -> tuple[str, ...]:
    """Return tenants as ``forge/owner``, each once; raises TokenInvalid."""
    found = sorted({one.strip().lower() for one in tenants})
    wrong = [one for one in found if not one.partition("/")[2]]
    if wrong or len(found) > MOST:
        raise TokenInvalid(
            f"tenants: {wrong[0][:LONGEST]!r} is none" if wrong else f"tenants: over {MOST}",
            hint="write FORGE/OWNER, as github/acme",
        )
    return tuple(found)


def until(days: int) -> datetime:
    """Return when a token of so many days ends; raises TokenInvalid."""
    if not 1 <= days <= MOST_DAYS:
        raise TokenInvalid(f"days: {days} are not from 1 to {MOST_DAYS}")
    return datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)


def issuable(caller: Caller, tenants: Sequence[str]) -> frozenset[Scope]:
    """Return the scopes by which the caller may do anything himself, in these tenants or any."""
    return frozenset(scope for scope in SCOPES if _may(caller, scope, tenants))


def check(caller: Caller, scopes: Sequence[Scope], tenants: Sequence[str]) -> None:
    """Raise ScopeRefused, which says what would be given away without being had."""
    mine = {f"{one.forge}/{one.owner}" for one in caller.memberships}
    foreign = [one for one in tenants if mine.isdisjoint(lineage(one))]
    if not caller.operator and foreign:
        raise ScopeRefused(
            f"{caller.login} is nothing in {foreign[0]}",
            hint=f"leave it out; there are {', '.join(sorted(mine)) or 'none'}",
        )
    may = issuable(caller, tenants)
    if missing := [scope for scope in scopes if scope not in may]:
        raise ScopeRefused(
            f"{caller.login} may not give away the scope {missing[0]}",
            hint=f"of these: {', '.join(scope for scope in SCOPES if scope in may) or 'none'}",
        )


def _may(caller: Caller, scope: Scope, tenants: Sequence[str]) -> bool:
    if caller.operator or scope == INVOKE:
        return True
    roles = [need.role for need in NEEDS.values() if scope in need.scopes and need.role]
    said = [Resource(forge, owner) for forge, _, owner in (one.partition("/") for one in tenants)]
    places = said or [Resource(one.forge, one.owner) for one in caller.memberships]
    return any(has_role(caller, place, role) for place in places for role in roles)
