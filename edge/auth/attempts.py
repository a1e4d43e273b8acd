"""Attempts: who offers wrong credentials too often is told to wait, and nobody else is.

It is asked after a credential was found bad: good ones pass, whatever others of their network do.
What can be guessed, as the short codes of people, is asked about before it is looked at.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from typing import Final

EACH: Final = 30  # failures of one network within the window
ALL: Final = 600  # of all together
WINDOW: Final = 60.0  # seconds
MOST: Final = 4096  # networks remembered; the one that was quiet longest is forgotten


@dataclass(slots=True)
class _Count:
    """Failures since a window began."""

    began: float
    failed: int = 0


@dataclass(slots=True)
class Attempts:
    """Counts failures by source; memory is bounded."""

    each: int = EACH
    all: int = ALL
    window: float = WINDOW
    now: Callable[[], float] = time.monotonic
    _sources: OrderedDict[str, _Count] = field(default_factory=OrderedDict, repr=False)
    _total: _Count = field(default_factory=lambda: _Count(0.0), repr=False)

    def failed(self, source: str) -> int:
        """Count one failure; return the seconds to wait, 0 while there were few."""
        now = self.now()
        mine = self._sources.get(source) or _Count(now)
        self._sources[source] = mine
        self._sources.move_to_end(source)
        if len(self._sources) > MOST:
            self._sources.popitem(last=False)
        for count in (mine, self._total):
            if now - count.began >= self.window:
                count.began, count.failed = now, 0
            count.failed += 1
        return self.wait(source)

    def wait(self, source: str) -> int:
        """Return for how many seconds nothing of this source is looked at, 0 for not at all."""
        now = self.now()
        mine = self._sources.get(source)
        over = [
            count
            for count, most in ((mine, self.each), (self._total, self.all))
            if count is not None and count.failed > most
        ]
        left = max((count.began + self.window - now for count in over), default=0.0)
        return max(0, ceil(left))
