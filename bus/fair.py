"""Fair: what waits in front of a worker's places, and whose turn it is.

Messages of one key come one at a time and in order. Keys stand in lanes, one a tenant: the next
place goes to the lane that has the fewest, of those to the one that was served longest ago, and
within it to the key that waits longest. So a lane that floods delays another by one place at most.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Line(Generic[T]):
    """What waits, by lane and key; knows what runs, for it was told."""

    def __init__(self, most: Callable[[str], int] = lambda _: 0) -> None:
        """Let ``most`` of a lane run at once; 0: any number."""
        self.size = 0  # of what waits
        self._most = most
        self._waiting: dict[str, deque[T]] = {}  # by key
        self._lanes: dict[str, str] = {}  # of each key that waits or runs
        self._ready: dict[str, dict[str, None]] = {}  # lane → keys that wait and do not run
        self._busy: Counter[str] = Counter()  # lane → how many run
        self._running: set[str] = set()  # keys

    def __iter__(self) -> Iterator[T]:
        """Yield what waits."""
        for items in self._waiting.values():
            yield from items

    def add(self, lane: str, key: str, item: T) -> None:
        """Let one more wait, behind those of its key."""
        self.size += 1
        lane = self._lanes.setdefault(key, lane)  # a key stays where it is while it is known
        self._waiting.setdefault(key, deque()).append(item)
        if key not in self._running:
            self._ready.setdefault(lane, {})[key] = None

    def take(self) -> tuple[str, T] | None:
        """Return whose turn it is, with its key, which runs from now on; None: nobody's."""
        lanes = [lane for lane in self._ready if not 0 < self._most(lane) <= self._busy[lane]]
        if not lanes:
            return None
        lane = min(lanes, key=self._busy.__getitem__)  # the first of those: served longest ago
        keys = self._ready.pop(lane)
        key = next(iter(keys))
        del keys[key]
        if keys:
            self._ready[lane] = keys
        self._busy[lane] += 1
        self._running.add(key)
        item = self._waiting[key].popleft()
        if not self._waiting[key]:
            del self._waiting[key]
        self.size -= 1
        return key, item

    def ended(self, key: str) -> None:
        """Take back the key's place; what waits for it may have its turn."""
        self._running.remove(key)
        lane = self._lanes[key]
        self._busy[lane] -= 1
        if not self._busy[lane]:
            del self._busy[lane]
        if key in self._waiting:
            self._ready.setdefault(lane, {})[key] = None
        else:
            del self._lanes[key]

    def leave(self, count: int) -> list[T]:
        """Return about so many that came last of the longest lanes, whole keys; they wait no more.

        What runs has its key's others wait here.
        """
        left: list[T] = []
        while len(left) < count and self._ready:
            lane = max(self._ready, key=lambda lane: len(self._ready[lane]))
            key, _ = self._ready[lane].popitem()
            if not self._ready[lane]:
                del self._ready[lane]
            left += self._waiting.pop(key)
            del self._lanes[key]
        self.size -= len(left)
        return left

    def clear(self) -> list[T]:
        """Return all that waits; nothing waits any more."""
        left = list(self)
        self._lanes = {key: self._lanes[key] for key in self._running}
        self._waiting, self._ready, self.size = {}, {}, 0
        return left
