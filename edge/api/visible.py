"""Which events somebody may see: those of the tenants he may read, as he may at that moment."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from edge.api.eventline import word
from edge.api.views import Views
from edge.api.wanted import Wanted
from edge.auth.asking import Asking
from edge.auth.people import Caller
from edge.auth.policy import INSTALLATION, Action, Resource, Verdict, decide
from schemas.envelope import Recorded
from schemas.events import Event

As = Literal["read", "audit"]


@dataclass(frozen=True, slots=True)
class Seer:
    """One caller's eyes: what he wants to see, of what he may."""

    asking: Asking
    views: Views
    wanted: Wanted
    action: As

    def now(self) -> "Sight | None":
        """Return what he may see at this moment; None when his credentials are good no more."""
        caller = self.asking.again()
        return None if caller is None else Sight(self, caller)


@dataclass(frozen=True, slots=True)
class Sight:
    """The same at one moment: for some events, then asked for anew."""

    of: Seer
    caller: Caller
    decided: dict[tuple[Action, Resource], bool] = field(default_factory=dict)

    def sees(self, event: Recorded[Event]) -> bool:
        """Tell whether an event is wanted, and may be seen."""
        return self._wants(event) and self.may_see(event)

    def may_see(self, event: Recorded[Event]) -> bool:
        """Tell whether an event is of a tenant whose events he may see."""
        on = resource_of(event, self.of.views.name_of)
        actions: tuple[Action, ...] = (self.of.action,)
        if event.of.kind == "secret" and self.of.action == "read":
            actions = ("read", "secrets")  # their names are for those who may set them
        return all(self._may(action, on) for action in actions)

    def _may(self, action: Action, on: Resource) -> bool:
        known = self.decided.get((action, on))
        if known is None:
            known = decide(self.caller, action, on) is Verdict.YES
            self.decided[action, on] = known
        return known

    def _wants(self, event: Recorded[Event]) -> bool:
        return self.of.wanted.takes(
            kind=word(event),
            actor=event.actor,
            names=(event.name, event.of.project),
            time=event.time,
        )


def resource_of(event: Recorded[Event], name_of: Callable[[str, str, str], str]) -> Resource:
    """Return the tenant that an event is of: who owns its project now; else the installation."""
    of = event.of
    if of.project:
        return Resource.of(of.forge, name_of(of.forge, of.project, event.name))
    if of.kind == "tenant":
        return Resource(of.forge, of.id.lower())
    if of.kind == "secret":  # of all projects of a tenant
        return Resource.of(of.forge, of.id)
    return INSTALLATION
