"""The port to a forge whose buttons mean what only it can tell: who may, and which runs."""

from typing import Protocol

from consumers.forges.meaning import Ignored, Pressed, Statement


class Buttons(Protocol):
    """Asks a forge; shared between tasks."""

    async def meant(self, pressed: Pressed) -> Ignored | tuple[Statement, ...]:
        """Return what a button asks for, or why it is not done; raises ForgeUnavailable."""
        ...
