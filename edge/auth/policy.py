"""Policy: who may do what. One table, asked by router, API, git, tails and forward-auth alike.

Anything but an explicit yes is no. Pure: no clock, no log, nothing that could fail.
"""

from enum import Enum
from typing import Final, Literal, NamedTuple

import msgspec

from edge.auth.people import Caller
from schemas.people import RANKS, Role
from schemas.route import PUBLIC

Action = Literal[
    "read",
    "push",
    "run",
    "secrets",
    "tenant-secrets",
    "members",
    "tokens",
    "audit",
    "invoke",
    "domains",
    "configure",
    "operate",
]


class Verdict(Enum):
    """What was decided."""

    YES = "yes"
    SIGN_IN = "sign_in"  # nobody that we know asks
    FORBIDDEN = "forbidden"  # we know who asks


class Resource(msgspec.Struct, frozen=True):
    """What an action is on: a tenant, one function of it, or the installation itself."""

    forge: str = ""
    owner: str = ""  # in lower case; "" with an empty forge: the installation
    function_policy: str = ""  # of the function that is invoked

    @classmethod
    def of(cls, forge: str, name: str) -> "Resource":
        """Return the tenant of a project ``owner/name``; an owner may have slashes itself."""
        return cls(forge, name.rpartition("/")[0].lower())


INSTALLATION: Final = Resource()


class Need(NamedTuple):
    """What an action takes: at least a role in its tenant; of a token one of these scopes too."""

    role: Role | None  # None: operators alone
    scopes: frozenset[str]  # empty: no token may


def _need(role: Role | None, *scopes: str) -> Need:
    return Need(role, frozenset(scopes))


NEEDS: Final[dict[str, Need]] = {
    "read": _need("viewer", "read"),
    "push": _need("member", "push"),
    "run": _need("member", "run"),  # cancel, rerun, rollback, promote
    "secrets": _need("member", "secrets"),
    "tenant-secrets": _need("owner", "secrets"),
    "members": _need("owner", "operate"),
    "audit": _need("owner", "read", "operate"),
    "domains": _need("owner", "operate"),
    "configure": _need("owner", "operate"),  # the branch of production, previews
    "operate": _need(None, "operate"),
}
INVOKE: Final = "invoke"
TOKENS: Final = "tokens"  # one's own, which only a person has


def decide(caller: Caller | None, action: Action, on: Resource) -> Verdict:
    """Return whether ``caller`` may; an action and a policy that nobody knows are no."""
    if action == INVOKE:
        return _invoke(caller, on)
    if caller is None:
        return Verdict.SIGN_IN
    if action == TOKENS:
        return _verdict(caller.scopes is None)
    need = NEEDS.get(action)
    if need is None or (caller.scopes is not None and not caller.scopes & need.scopes):
        return Verdict.FORBIDDEN
    if caller.operator:
        return Verdict.YES
    return _verdict(need.role is not None and has_role(caller, on, need.role))


def has_role(caller: Caller, on: Resource, least: str) -> bool:
    """Tell whether the caller is at least this in a tenant; nobody is anything in none."""
    if not on.forge or not on.owner:
        return False
    role = caller.role(on.forge, on.owner)
    return role is not None and RANKS[role] >= RANKS[least]


def _invoke(caller: Caller | None, on: Resource) -> Verdict:
    """Return whether a function may be called, by the policy of its stack."""
    if on.function_policy == PUBLIC:
        return Verdict.YES
    least = LEAST.get(on.function_policy)
    if least is None:  # of a newer release, or of none: what it allows is not known here
        return Verdict.FORBIDDEN
    if caller is None:
        return Verdict.SIGN_IN
    if caller.scopes is not None:
        if on.function_policy != "token" or INVOKE not in caller.scopes:
            return Verdict.FORBIDDEN
    elif on.function_policy == "token" and not caller.operator:
        return Verdict.FORBIDDEN
    return _verdict(caller.operator or not least or has_role(caller, on, least))


LEAST: Final = {  # policy of a function: the least role in its tenant, "" for none
    "signed-in": "",
    "members": "viewer",
    "role:member": "member",
    "role:owner": "owner",
    "token": "viewer",  # and a token of that person, with the scope invoke
}


def _verdict(yes: bool) -> Verdict:  # noqa: FBT001 - the one thing it turns
    return Verdict.YES if yes else Verdict.FORBIDDEN
