"""Replicas: several upstreams of one route; who has least to do gets the next request.

Health is what requests tell: an upstream that refuses, hangs up before it answers, or does not
answer in time is left out for a pause that grows with each failure. After it one request at a
time tries it again, and the first answer brings it back. Where all are left out, the one whose
pause ends first is asked all the same: a guess is better than no.
"""

import time
from itertools import count
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from edge.router.target import Target
    from edge.router.upstream import Upstream

_FIRST_PAUSE: Final = 0.5  # seconds
_LONGEST_PAUSE: Final = 30.0
_MOST_DOUBLINGS: Final = 10


class Health:
    """What one upstream's requests have told of it."""

    __slots__ = ("failures", "until")

    def __init__(self) -> None:
        """Nothing bad is known."""
        self.failures = 0  # in a row
        self.until = 0.0  # left out; of time.monotonic

    def failed(self) -> None:
        """Leave it out for a while, longer than the last time.

        All that it was doing when it was left out fails with it, and says nothing new.
        """
        now = time.monotonic()
        if now < self.until:
            return
        pause = _FIRST_PAUSE * 2.0 ** min(self.failures, _MOST_DOUBLINGS)
        self.failures += 1
        self.until = now + min(pause, _LONGEST_PAUSE)

    def answered(self) -> None:
        """Take it for sound again."""
        self.failures = 0


class Replicas:
    """The targets of one route, each with an upstream of its own."""

    __slots__ = ("_turn", "targets")

    def __init__(self, targets: "tuple[Target, ...]") -> None:
        """Begin with all of them sound."""
        self.targets = targets
        self._turn = count()

    def pick(self) -> "Target":
        """Return the sound one with the fewest requests; in turn where several have as few."""
        targets = self.targets
        begin = next(self._turn) % len(targets)
        best: Target | None = None
        for target in (*targets[begin:], *targets[:begin]):
            upstream = target.upstream
            if upstream.health.failures and not _may_try(upstream):
                continue
            if best is None or upstream.active < best.upstream.active:
                best = target
        return best or min(targets, key=lambda target: target.upstream.health.until)


def _may_try(upstream: "Upstream") -> bool:
    """Tell whether a pause is over, and nobody else is trying."""
    return not upstream.active and time.monotonic() >= upstream.health.until
