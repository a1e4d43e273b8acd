"""Where what a build exports to us goes."""

from pathlib import Path
from typing import Protocol


class Receiver(Protocol):
    """Takes what the exporters local, tar, oci and docker send."""


class ToFolder:
    """A folder for ``local``."""

    def __init__(self, path: Path) -> None:
        """Take the folder; made where it is missing."""


class ToFile:
    """A file for ``tar``, ``oci`` and ``docker``."""

    def __init__(self, path: Path) -> None:
        """Take the file's path."""
