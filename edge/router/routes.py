"""Routes: where a function answers, folded from the log.

Reads   function.deployed/1, function.removed/1
"""

from pathlib import Path

import msgspec

from bus.fold import Fold
from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.function import FunctionDeployed, FunctionRemoved
from schemas.route import RouteOptions


class Route(msgspec.Struct, frozen=True):
    """The live revision of one function."""

    label: str  # of the tenant
    environment: str
    function: str
    revision: str
    upstream: str  # as FunctionDeployed says it
    upstreams: tuple[str, ...] = ()  # more replicas
    options: RouteOptions = RouteOptions()
    forge: str = ""
    project: str = ""


def fold(snapshots: Path | None = None) -> Fold[Route]:
    """Return the fold; each router runs one."""
    return Fold("routes", row=Route, key=key, reduce=reduce, snapshots=snapshots)


def key(event: Recorded[Event]) -> str | None:
    """Return the row that an event is about; a name belongs to one project of a tenant."""
    match event.fact:
        case FunctionDeployed() | FunctionRemoved() as fact:
            return f"{fact.label}/{fact.environment}/{fact.function}"
        case _:
            return None


def reduce(route: Route | None, event: Recorded[Event]) -> Route | None:
    """Return the function's next row, None for none; pure, O(1) per event.

    Which generation is newer was decided when the fact was appended, by its guard.
    """
    match event.fact:
        case FunctionDeployed() as live:
            return Route(
                live.label,
                live.environment,
                live.function,
                live.revision,
                live.upstream,
                live.upstreams,
                live.route,
                event.of.forge,
                event.of.project,
            )
        case FunctionRemoved():
            return None
        case _:
            return route
