"""Answers that are kept for their ETag: what has not changed costs nothing of the limit."""

from collections import OrderedDict
from typing import Final

from consumers.forges.github.answers import Raw

ENTRIES: Final = 2000
BYTES: Final = 16 * 1024 * 1024
LARGEST: Final = 512 * 1024  # bytes of one body

Key = tuple[str, str]  # installation, URL with its query


class Memory:
    """Answers by who asked for what, the least used forgotten first."""

    def __init__(self, *, entries: int = ENTRIES, bytes: int = BYTES) -> None:
        """Keep so many, of so many bytes together."""
        self._entries = entries
        self._bytes = bytes
        self._held = 0
        self._kept: OrderedDict[Key, Raw] = OrderedDict()

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._kept)

    def get(self, key: Key) -> Raw | None:
        """Return what was answered, with its ETag."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: Key, answer: Raw) -> None:
        """Keep a 200 that has an ETag."""
        if (old := self._kept.pop(key, None)) is not None:
            self._held -= len(old.body)
        size = len(answer.body)
        if answer.status != 200 or "etag" not in answer.headers or size > LARGEST:
            return
        self._kept[key] = answer
        self._held += size
        while len(self._kept) > self._entries or self._held > self._bytes:
            _, gone = self._kept.popitem(last=False)
            self._held -= len(gone.body)
