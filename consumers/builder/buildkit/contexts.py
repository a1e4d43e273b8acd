"""Where a build's files come from."""

from collections.abc import Iterator
from typing import Protocol

from consumers.builder.buildkit.entries import Entry


class Tree(Protocol):
    """A context that has been looked at. Everything blocks, and is called from several threads."""

    @property
    def origin(self) -> str:
        """Return what is equal for trees of which one is likely to be the other's next version."""
        ...

    def entry(self, path: str) -> Entry | None:
        """Return what stands at a path, no link followed; None for nothing."""
        ...

    def folder(self, path: str) -> list[Entry]:
        """Return what is in a folder, sorted by bytes; "" is the root. [] if it is none."""
        ...

    def pieces(self, path: str, most: int) -> Iterator[bytes]:
        """Yield a file's content in pieces of at most so many bytes, up to its end as it is now.

        Raises ContextInvalid where it has vanished or cannot be read.
        """
        ...


class Context(Protocol):
    """A tree of files that a session serves."""

    def open(self) -> Tree:
        """Return the tree; blocks. Raises ContextInvalid. Called once a session, from a thread."""
        ...
