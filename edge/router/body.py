"""The body of a request: how much of what arrives belongs to it."""

from edge.router.chunked import Chunked
from edge.router.request import CHUNKED


class Body:
    """A body whose bytes pass; it knows its end."""

    __slots__ = ("_chunks", "_left", "done")

    def __init__(self, length: int) -> None:
        """Take what the head says: CHUNKED, or bytes."""
        self.done = False
        self._left = length
        self._chunks = Chunked() if length == CHUNKED else None

    def restrict(self, most: int) -> None:
        """Take no longer body than this; raises BadChunk where it is longer already."""
        if self._chunks is not None:
            self._chunks.restrict(most)

    def take(self, data: bytes) -> tuple[bytes, bytes]:
        """Return (what belongs to the body, what follows it); raises BadChunk."""
        if self._chunks is not None:
            passed, used = self._chunks.feed(data)
            self.done = self._chunks.done
            return passed, data[used:] if self.done else b""
        if len(data) < self._left:
            self._left -= len(data)
            return data, b""
        self.done = True
        return data[: self._left], data[self._left :]
