"""What the router counts: plain integers, read by whoever serves metrics."""

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from edge.router.router import Router


class Counters:
    """Counted since the start; changed in the loop's thread."""

    __slots__ = (
        "accepted",
        "bytes_out",
        "causes",
        "replayed",
        "requests",
        "statuses",
        "turned_away",
    )

    def __init__(self) -> None:
        """Begin at nothing."""
        self.accepted = 0  # connections taken
        self.turned_away = 0  # connections over the limit
        self.requests = 0
        self.statuses = [0] * 6  # by first digit
        self.bytes_out = 0  # of bodies, to callers
        self.replayed = 0  # requests sent again after a kept connection was closed
        self.causes: Counter[str] = Counter()  # answers of our own


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What one router has counted so far, for whoever serves it."""

    connections: int
    connections_open: int
    connections_refused: int
    statuses: list[int]  # requests by the first digit of their status
    bytes_out: int
    replayed: int
    causes: dict[str, int]
    functions: int  # that have a route
    usage_waiting: int  # counts that the log has not acknowledged
    latency: dict[int, int]  # of functions' requests, by bucket of ``schemas.usage``


def counted(router: "Router") -> Counted:
    """Return a router's numbers of this moment."""
    counters = router.counters
    return Counted(
        connections=counters.accepted,
        connections_open=len(router.fronts),
        connections_refused=counters.turned_away,
        statuses=list(counters.statuses),
        bytes_out=counters.bytes_out,
        replayed=counters.replayed,
        causes=dict(counters.causes),
        functions=len(router.table),
        usage_waiting=len(router.meter.waiting),
        latency=dict(router.meter.latency),
    )
