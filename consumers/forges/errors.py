"""What goes wrong with a forge's API: it is away for now, or it says no."""

from datetime import timedelta
from typing import ClassVar

from schemas.errors import GiveUp, Retry


class ForgeUnavailable(Retry):
    """A forge's API does not answer, or wants fewer requests; it is asked again for hours."""

    code = "forge_unavailable"
    patience: ClassVar = timedelta(hours=12)

    def __init__(self, message: str, *, hint: str = "", until: float = 0) -> None:
        """Say what happened; ``until``: when it may be asked again (Unix time), if it said so."""
        super().__init__(message, hint=hint)
        self.until = until


class ForgeRefused(GiveUp):
    """A forge's API says no; the hint names the permission that is missing, and who gives it."""

    code = "forge_refused"
