"""What ``POST /build`` asks of whoever makes images."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

Say = Callable[[str], None]  # takes one line of the build's log


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One image that was asked for."""

    archive: Path  # a tar with the build context in its folder ``context``
    image: str  # the reference to push, in small letters
    arguments: Mapping[str, str] = {}
    platforms: tuple[str, ...] = ()
    push: bool = True
    sealed: bytes = b""  # secrets of this build, as faas-cli seals them; "" for none


class Images(Protocol):
    """Makes images; shared between tasks."""

    def refusal(self, image: str) -> str:
        """Return why an image may not be made here, "" when it may."""
        ...

    async def make(self, job: Job, say: Say) -> None:
        """Build and push; cancelled, it stops at once.

        Raises BuildFailed where the archive is to blame, else Retry.
        """
        ...
