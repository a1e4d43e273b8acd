"""Secrets: the blob of a value that was replaced or removed goes, and its copies follow.

Reads   secret.sealed/1, secret.removed/1, secret.unwanted/1, function.deployed/1,
        function.deploy-failed/1, function.removed/1
Writes  nothing; secret.unbound/1 by binding.py
Calls   the blobs, and whoever keeps copies of values for functions
Twice   is harmless: a box is sealed once and never again, so its blob is nobody else's; a copy is
        made to be what the log says
"""

from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol, TypeAlias

import structlog

from bus.blobs import Blobs
from schemas.envelope import Recorded
from schemas.events.function import FunctionDeployed, FunctionDeployFailed, FunctionRemoved
from schemas.events.secret import SecretRemoved, SecretSealed, SecretUnwanted

log = structlog.get_logger(__name__)

Change: TypeAlias = (
    SecretSealed
    | SecretRemoved
    | SecretUnwanted
    | FunctionDeployed
    | FunctionDeployFailed
    | FunctionRemoved
)


class Copies(Protocol):
    """Where functions find values, beside our store; shared between tasks."""

    async def settle(self, event: Recorded[Change]) -> None:
        """Renew the copies that an event made old, remove those that it made useless."""
        ...


class NoCopies:
    """Functions are given their values as they start: there is nothing to follow up."""

    async def settle(self, event: Recorded[Change]) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Sweeper:
    """A worker; ``bus/work`` calls ``handle``."""

    blobs: Blobs
    copies: Copies = field(default_factory=NoCopies)
    places: int = 4
    durable: ClassVar[str] = "secrets"
    reads: ClassVar = (
        SecretSealed,
        SecretRemoved,
        SecretUnwanted,
        FunctionDeployed,
        FunctionDeployFailed,
        FunctionRemoved,
    )
    begins: ClassVar[Literal["first", "now"]] = "first"

    def key(self, event: Recorded[Change]) -> str:
        """Return the forge's project; copies of one tenant are settled one after the other."""
        return f"{event.of.forge} {event.of.project} {event.of.id}"

    async def handle(self, event: Recorded[Change]) -> None:
        """Delete the blob that the fact has made void, and have the copies follow."""
        match event.fact:
            case SecretSealed(replaces=void) | SecretRemoved(sealed=void) if void:
                await self.blobs.delete(void)
                log.info("sealed_value_deleted", secret=event.of.id, blob=void)
            case _:
                pass
        await self.copies.settle(event)
