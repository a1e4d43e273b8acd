"""The port to whatever opens a forge's private repositories for a clone."""

from collections.abc import Mapping
from typing import Protocol

from schemas.repository import Repository


class Clones(Protocol):
    """Gives credentials for git's smart HTTP; shared between tasks."""

    async def headers(self, repository: Repository) -> Mapping[str, str]:
        """Return what opens a repository at its clone URL; nothing for a URL of somebody else.

        Raises ForgeUnavailable and ForgeRefused where the forge has to be asked first.
        """
        ...
