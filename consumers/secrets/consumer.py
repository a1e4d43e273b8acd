"""Secrets: the blob of a value that was replaced or removed goes.

Reads   secret.sealed/1, secret.removed/1
Writes  nothing
Calls   the blobs
Twice   is harmless: a box is sealed once and never again, so its blob is nobody else's
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import structlog

from bus.blobs import Blobs
from schemas.envelope import Recorded
from schemas.events.secret import SecretRemoved, SecretSealed

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sweeper:
    """A worker; ``bus/work`` calls ``handle``."""

    blobs: Blobs
    places: int = 4
    durable: ClassVar[str] = "secrets"
    reads: ClassVar = (SecretSealed, SecretRemoved)
    begins: ClassVar[Literal["first", "now"]] = "first"

    def key(self, event: Recorded[SecretSealed | SecretRemoved]) -> str:
        """Return the secret."""
        return f"{event.of.forge} {event.of.project} {event.of.id}"

    async def handle(self, event: Recorded[SecretSealed | SecretRemoved]) -> None:
        """Delete the blob that the fact has made void."""
        fact = event.fact
        void = fact.replaces if isinstance(fact, SecretSealed) else fact.sealed
        if void:
            await self.blobs.delete(void)
            log.info("sealed_value_deleted", secret=event.of.id, blob=void)
