"""The port to what a forge itself says; no answer is never an answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class ForgesAsked:
    """The evidence of each forge that can be asked.

    Of another, what it has told, verified, is all there is: nothing contradicts the log.
    """

    forges: Mapping[str, Evidence] = field(default_factory=dict)

    async def stands(self, forge: str, project: str, name: str) -> Answer:
        """Return what the forge itself says."""
        asked = self.forges.get(forge)
        return await asked.stands(forge, project, name) if asked else "no"


class ForgeSilent(Retry):
    """A forge gives no answer on whether a project is gone; nothing is removed until it does."""

    code = "forge_silent"
    patience = timedelta(hours=24)
