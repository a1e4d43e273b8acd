"""Callers for tests: what the door would have found, without a door."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bus.connection import Bus
from edge.auth import credentials
from edge.auth.asking import Asking
from edge.auth.door import Door, TokenMissing
from edge.auth.people import PLATFORM, Caller
from edge.auth.room import Auth
from edge.auth.settings import AuthSettings, digest
from schemas.people import Membership, Role, Scope


class Denials(list[tuple[str, str, str, str]]):
    """Remembers what was refused: reason, action, on and user."""

    def __call__(self, reason: str, action: str, on: str, source: str, user: str = "") -> None:
        """Add one."""
        del source
        self.append((reason, action, on, user))


def door(root_domain: str, token: str, *, more: tuple[str, ...] = (), events: Any = None) -> Door:
    """Return a door that knows the platform's token, and whoever the facts of ``events`` say."""
    settings = AuthSettings(root_domain=root_domain, token_digest=digest(token))
    auth = Auth.make(settings, events, Path("/nonexistent"), None)
    return Door(auth, Door.own_hosts(root_domain, more))


def auth_of(bus: Bus) -> Auth:
    """Return auth over a real log, whose book nobody folds."""
    settings = AuthSettings(root_domain="localhost", token_digest=digest("token"))
    return Auth.make(settings, bus.log, bus.settings.home / "keys", None)


def asking(caller: Caller = PLATFORM, *, label: str = "", denied: Denials | None = None) -> Asking:
    """Return one request of this caller, who stays what he is."""
    return Asking(caller, Denials() if denied is None else denied, lambda: caller, label=label)


def person(login: str, role: Role | None, owner: str = "alice", *scopes: Scope) -> Caller:
    """Return somebody with a role in a tenant of the local forge; with scopes: a token of his."""
    return Caller(
        kind="token" if scopes else "person",
        user=f"github:{sum(map(ord, login))}",
        login=f"github:{login}",
        session="s",
        memberships=() if role is None else (Membership("local", owner, role),),
        scopes=frozenset(scopes) if scopes else None,
    )


def as_caller(application: Any, caller: Caller | None = PLATFORM, label: str = "") -> Any:
    """Return the application as this caller meets it; None: behind a door that found nobody."""

    async def asked(scope: Any, receive: Any, send: Any) -> None:
        found = {} if caller is None else {"asking": asking(caller, label=label)}
        await application(scope | found, receive, send)

    return asked


def by_password(
    callers: Mapping[str, Caller], denied: Denials | None = None
) -> Callable[[Mapping[str, Any]], Asking]:
    """Return a door that knows these callers by their passwords, Basic alone."""

    def enter(scope: Mapping[str, Any]) -> Asking:
        header = dict(scope["headers"]).get(b"authorization", b"")
        password = credentials.password_of(header).decode()
        if not header.lower().startswith(b"basic") or password not in callers:
            raise TokenMissing("no")
        caller = callers[password]
        label = credentials.user_of(header) if caller is PLATFORM else ""
        return asking(caller, label=label, denied=denied)

    return enter
