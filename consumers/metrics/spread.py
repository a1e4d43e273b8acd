"""Spread: how long things took, in Prometheus's cumulative buckets; spreads add up."""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from typing import Final

import msgspec

BOUNDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600)  # seconds
_NONE: Final = (0,) * (len(BOUNDS) + 1)


class Spread(msgspec.Struct, frozen=True, gc=False):
    """Counts by bucket, the last for what took longer than any bound."""

    counts: tuple[int, ...] = _NONE
    seconds: float = 0.0  # all together

    def also(self, seconds: float) -> "Spread":
        """Return it with one more."""
        return self.times(seconds, 1)

    def times(self, seconds: float, count: int) -> "Spread":
        """Return it with ``count`` more that took so long each; clocks may differ: none is < 0."""
        took, counts = max(seconds, 0.0), list(self.counts)
        counts[bisect_left(BOUNDS, took)] += count
        return Spread(tuple(counts), self.seconds + took * count)

    @property
    def buckets(self) -> list[tuple[str, float]]:
        """Return what a histogram of Prometheus has."""
        bounds = [*(f"{bound:g}" for bound in BOUNDS), "+Inf"]
        return list(zip(bounds, map(float, accumulate(self.counts)), strict=True))


def together(spreads: Iterable[Spread]) -> Spread:
    """Return all of them as one."""
    counts, seconds = list(_NONE), 0.0
    for spread in spreads:
        counts = [one + other for one, other in zip(counts, spread.counts, strict=True)]
        seconds += spread.seconds
    return Spread(tuple(counts), seconds)
