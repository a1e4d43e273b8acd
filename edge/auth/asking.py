"""Asking: one request's caller, and the one way in which whoever serves him finds out what he may.

What somebody may not read is not there for him; what he may read but not change is refused with
what it takes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from edge.auth.people import Caller
from edge.auth.policy import INSTALLATION, NEEDS, Action, Resource, Verdict, decide
from schemas.errors import PushlineError


class Forbidden(PushlineError):
    """Whoever asks is known, and may not do this; the message says what it takes."""

    code = "forbidden"
    status: ClassVar = 403


class Denied(Protocol):
    """Records that somebody was not let do something."""

    def __call__(self, reason: str, action: str, on: str, source: str, user: str = "") -> None:
        """Return at once; under attack one record stands for many."""
        ...


@dataclass(frozen=True, slots=True)
class Asking:
    """One request, whose credentials were good when it came."""

    caller: Caller
    denied: Denied
    again: Callable[[], Caller | None]  # who has these credentials at this moment
    source: str = ""
    label: str = ""  # the name beside the platform's token, which anybody may choose

    @property
    def actor(self) -> str:
        """Return what stands as ``ce-actor`` of what this request leads to."""
        return self.label or self.caller.actor

    def may(self, action: Action, on: Resource = INSTALLATION) -> bool:
        """Tell whether the caller may."""
        return decide(self.caller, action, on) is Verdict.YES

    def sees(self, forge: str, name: str) -> bool:
        """Tell whether the caller may read a project ``owner/name``."""
        return self.may("read", Resource.of(forge, name))

    def still_sees(self, forge: str, name: str) -> bool:
        """Tell the same at this moment."""
        return self.still("read", Resource.of(forge, name))

    def still(self, action: Action, on: Resource = INSTALLATION) -> bool:
        """Tell whether the same credentials may at this moment; for answers that do not end."""
        return decide(self.again(), action, on) is Verdict.YES

    def need(self, action: Action, on: Resource = INSTALLATION) -> None:
        """Raise Forbidden unless the caller may, and record it."""
        if self.may(action, on):
            return
        where = f"{on.forge}/{on.owner}".strip("/")
        self.denied("forbidden", action, where, self.source, self.caller.user)
        raise _refusal(self.caller, action, on, where)


def _refusal(caller: Caller, action: Action, on: Resource, where: str) -> Forbidden:
    """Return what it takes: a scope of a token, a role in a tenant, or to be an operator."""
    need = NEEDS.get(action)
    if caller.scopes is not None and (need is None or not caller.scopes & need.scopes):
        scopes = " or ".join(sorted(need.scopes)) if need else ""
        if not scopes:
            return Forbidden("no token may do this", hint="sign in: pushline login")
        return Forbidden(
            f"this token has not the scope {scopes}",
            hint=f"make one that has: pushline token create NAME --scope {scopes.split()[0]}",
        )
    if need is None or need.role is None or not where:
        return Forbidden(
            "this is for operators", hint="PUSHLINE_OPERATORS says who they are, where it runs"
        )
    mine = caller.role(on.forge, on.owner) or "no member"
    hint = f"an owner gives it: pushline members set {where} {caller.login} {need.role}"
    if caller.scopes is not None:
        hint = f"it takes a token for {where}, of somebody who is {need.role} there"
    return Forbidden(
        f"{where}: this takes the role {need.role}, and {caller.login} is {mine} there", hint=hint
    )
