"""Where a build's files come from."""

from typing import Protocol


class Context(Protocol):
    """A tree of files that a session serves; read from threads, so without shared cursors."""


class FolderContext:
    """A folder of this machine, as it is when it is asked for."""

    def __init__(self, path: str) -> None:
        """Take the folder's path."""


class TarContext:
    """An uncompressed tar archive: a path, or its bytes. Nothing is unpacked."""

    def __init__(self, archive: object, prefix: str = "") -> None:
        """Take the archive; ``prefix`` names the folder in it that is the root."""
