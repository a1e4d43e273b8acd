"""People as the log knows them: what somebody is in a tenant, and which names say who is meant."""

from typing import Final, Literal

import msgspec

Role = Literal["viewer", "member", "owner"]
RANKS: Final[dict[str, int]] = {"viewer": 1, "member": 2, "owner": 3}  # each may what is below it

Scope = Literal["read", "push", "run", "secrets", "invoke", "operate"]
SCOPES: Final[tuple[Scope, ...]] = ("read", "push", "run", "secrets", "invoke", "operate")


class Membership(msgspec.Struct, frozen=True):
    """What somebody is in one tenant."""

    forge: str
    owner: str  # in lower case: no forge tells logins apart by case
    role: Role


def named(text: str) -> str:
    """Return the one spelling of what somebody writes for a person, see ``names``."""
    return text if _exact(text) else text.lower()


def names(user: str, login: str) -> frozenset[str]:
    """Return what names this person: the id, and the login where a login is one's own.

    Digits are the forge's immutable id and never a login, which may be digits too; of an OIDC
    issuer the subject counts alone, for people choose their name there.
    """
    return frozenset((user,)) if _exact(login) else frozenset((user, login.lower()))


def means(text: str, *, user: str, login: str) -> bool:
    """Tell whether somebody who writes ``text`` means this person."""
    return named(text) in names(user, login)


def _exact(text: str) -> bool:
    provider, _, name = text.partition(":")
    return provider == "oidc" or name.isdigit()
