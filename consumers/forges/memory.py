"""Answers that are kept for their ETag: what has not changed costs nothing of a forge's limits."""

from collections import OrderedDict
from typing import Final, Generic, NamedTuple, TypeVar

ENTRIES: Final = 2000
BYTES: Final = 16 * 1024 * 1024
LARGEST: Final = 512 * 1024  # bytes of one answer

Key = tuple[str, str]  # in whose name, URL with its query
A = TypeVar("A")


class Kept(NamedTuple, Generic[A]):
    """An answer, and what to ask with for a newer one."""

    tag: str
    answer: A
    size: int  # bytes of it as it came


class Memory(Generic[A]):
    """Answers by who asked for what, the least used forgotten first."""

    def __init__(self, *, entries: int = ENTRIES, bytes: int = BYTES) -> None:
        """Keep so many, of so many bytes together."""
        self._entries = entries
        self._bytes = bytes
        self._held = 0
        self._kept: OrderedDict[Key, Kept[A]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._kept)

    def get(self, key: Key) -> Kept[A] | None:
        """Return what was answered, with its tag."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: Key, answer: A, *, tag: str, size: int) -> None:
        """Keep an answer in the place of an older one; without a tag, nothing."""
        if (old := self._kept.pop(key, None)) is not None:
            self._held -= old.size
        if not tag or size > LARGEST:
            return
        self._kept[key] = Kept(tag, answer, size)
        self._held += size
        while len(self._kept) > self._entries or self._held > self._bytes:
            _, gone = self._kept.popitem(last=False)
            self._held -= gone.size
