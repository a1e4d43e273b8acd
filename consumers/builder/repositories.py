"""Registries that must be told of a repository before an image can be pushed into it."""

from typing import Protocol


class Repositories(Protocol):
    """Makes repositories; shared between tasks."""

    async def make(self, repository: str) -> bool:
        """Make one, and tell whether it was not there; twice is harmless.

        Raises RegistryUnavailable.
        """
        ...
