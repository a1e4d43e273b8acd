"""Who asks: what a provider says of a person, and what we found of a caller's credentials."""

from datetime import datetime
from typing import Final, Literal

import msgspec

from schemas.people import RANKS, Membership, Role, named, names

LINK: Final = "link"  # signed in by the one-time link of `up`


class Person(msgspec.Struct, frozen=True):
    """Who a provider says that somebody is."""

    user: str  # <provider>:<immutable id>
    login: str  # <provider>:<login>
    memberships: tuple[Membership, ...] = ()


OPERATOR: Final = Person("local:operator", "local:operator")  # who could read the home


class Caller(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Somebody whose credentials are good. Each is itself: the same answer is the same object."""

    kind: Literal["person", "token", "operator"]
    user: str
    login: str
    session: str = ""  # the id of the session, or of the token
    memberships: tuple[Membership, ...] = ()  # as they are now, in the tenants of a token
    operator: bool = False
    scopes: frozenset[str] | None = None  # None: all that the person may
    until: datetime | None = None  # None: until it is revoked
    name: str = ""  # of a token

    @property
    def actor(self) -> str:
        """Return what stands as ``ce-actor``."""
        return self.login

    def role(self, forge: str, owner: str) -> Role | None:
        """Return what the caller is in a tenant, None for nothing.

        What somebody is in a group of GitLab he is in its subgroups, as there.
        """
        best: Role | None = None
        for one in self.memberships:
            within = one.owner == owner or owner.startswith(f"{one.owner}/")
            if within and one.forge == forge:
                best = one.role if best is None or RANKS[one.role] > RANKS[best] else best
        return best


PLATFORM: Final = Caller(
    kind="operator", user="operator", login="operator", operator=True
)  # whoever has the one token that `up` prints


def is_operator(user: str, login: str, operators: tuple[str, ...]) -> bool:
    """Tell whether a person may everything, by what the operators' setting says now."""
    if user == OPERATOR.user:
        return True
    return not names(user, login).isdisjoint(map(named, operators))
