"""Limits: how many requests, or connections, one address or one route may have."""

import ipaddress
from typing import Final

_MOST: Final = 65_536  # keys that are remembered


class Rate:
    """Token buckets by key, each kept as one number: when its next request would be on time.

    This is the generic cell rate algorithm. Times are those of the loop's clock.
    """

    __slots__ = ("_apart", "_due", "_early", "burst", "rate")

    def __init__(self, rate: float, burst: int = 0) -> None:
        """Let ``rate`` requests a second through, ``burst`` of them at once; 0: those of 1 s."""
        self.rate = rate
        self.burst = burst or max(1, int(rate))
        self._apart = 1.0 / rate
        self._early = (self.burst - 1) * self._apart
        self._due: dict[str, float] = {}

    def __len__(self) -> int:
        """Return how many keys are remembered."""
        return len(self._due)

    def take(self, key: str, now: float) -> float:
        """Count a request; return 0, or after how many seconds it would be let through."""
        due = max(self._due.get(key, 0.0), now)
        if due - now > self._early:
            return due - now - self._early
        if key not in self._due and len(self._due) >= _MOST:
            self._forget(now)
        self._due[key] = due + self._apart
        return 0.0

    def _forget(self, now: float) -> None:
        """Drop the keys whose bucket is full again; where that is none, all."""
        self._due = {key: due for key, due in self._due.items() if due > now}
        if len(self._due) >= _MOST:
            self._due = {}


class Connections:
    """Counts the open connections of each address."""

    __slots__ = ("_most", "_open")

    def __init__(self, most: int) -> None:
        """Allow ``most`` for each address."""
        self._most = most
        self._open: dict[str, int] = {}

    def __len__(self) -> int:
        """Return how many addresses have some."""
        return len(self._open)

    def opened(self, peer: str) -> bool:
        """Count one in; tell whether it is within the limit."""
        key = one_of(peer)
        count = self._open[key] = self._open.get(key, 0) + 1
        return count <= self._most

    def closed(self, peer: str) -> None:
        """Count one out."""
        key = one_of(peer)
        left = self._open[key] - 1
        if left:
            self._open[key] = left
        else:
            del self._open[key]


def one_of(address: str) -> str:
    """Return whom an address stands for: a whole /64 of IPv6 is one customer's."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address
