"""The port to what a forge itself says; no answer is never an answer."""

from datetime import timedelta
from typing import Literal, Protocol

from schemas.errors import Retry

Answer = Literal["yes", "no", "unknown"]


class Evidence(Protocol):
    """Asks a forge; shared between tasks."""

    async def stands(self, forge: str, project: str, name: str) -> Answer:
        """Tell whether the project is open to us still.

        ``yes`` and ``no`` are the forge's own 200 and 404; whatever else it says, or fails to
        say, is ``unknown``.
        """
        ...


class LogAlone:
    """Forges that nobody can ask: what they have told, verified, is all there is."""

    async def stands(self, forge: str, project: str, name: str) -> Answer:  # noqa: ARG002
        """Return that nothing contradicts the log."""
        return "no"


class ForgeSilent(Retry):
    """A forge gives no answer on whether a project is gone; nothing is removed until it does."""

    code = "forge_silent"
    patience = timedelta(hours=24)
