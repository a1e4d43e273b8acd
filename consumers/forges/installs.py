"""The port to a forge where each project says by itself whether it is installed."""

from typing import Protocol

import msgspec


class Shown(msgspec.Struct, frozen=True):
    """A project as its forge has it now."""

    owner: str
    name: str
    private: bool
    installed: bool  # it says so itself

    @property
    def full_name(self) -> str:
        """Return ``owner/name``."""
        return f"{self.owner}/{self.name}"


class Accounts(Protocol):
    """Tells which names a forge knows; shared between tasks."""

    async def named(self, owner: str) -> bool:
        """Tell whether there is a group or a person of this name; raises ForgeUnavailable."""
        ...


class Installs(Protocol):
    """Asks a forge; shared between tasks."""

    wanted: str  # what a project has to have, for people

    async def shown(self, project: str) -> Shown | None:
        """Return a project by the forge's id, None where the forge has none for us.

        Only the forge's own 200 and 404 are answers: whatever else it says, or fails to say, is
        ForgeUnavailable, and nothing may follow from it.
        """
        ...
