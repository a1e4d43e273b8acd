"""What follows the secrets of our store where a gateway runs functions: its copies, the cluster."""

from dataclasses import dataclass
from typing import Any

from bus.fold import Fold
from bus.log import EventLog
from consumers.deployer.desired import desired
from consumers.deployer.openfaas.copies import GatewayCopies
from consumers.secrets import register
from consumers.secrets.binding import Binder
from consumers.secrets.consumer import Change
from consumers.secrets.register import Secret
from edge.cli.adapters import Adapters
from edge.cli.gateways import gateway_settings
from schemas.envelope import Recorded
from schemas.events.function import FunctionRemoved
from schemas.events.secret import SecretUnwanted


@dataclass(frozen=True, slots=True)
class KeptSecrets:
    """The port ``Copies`` over a gateway and, where there is one, its cluster."""

    copies: GatewayCopies
    binder: Binder | None
    register: Fold[Secret]
    events: EventLog

    @property
    def folds(self) -> tuple[Fold[Any], ...]:
        """Return what has to follow the log."""
        return (self.copies.fold, self.register)

    async def settle(self, event: Recorded[Change]) -> None:
        """Have both say what the log says."""
        await self.register.reached(await self.events.head())
        await self.copies.settle(event)
        if self.binder is None:
            return
        match event.fact:
            case SecretUnwanted() as fact:
                await self.binder.unwanted(event, fact)
            case FunctionRemoved() if not self.copies.lives(event.of):
                await self.binder.unbind_all(event, reason="no function of the project is left")
            case _:
                pass


def kept_secrets(parts: Adapters) -> KeptSecrets:
    """Return it for the chosen gateway; whoever asks runs its folds."""
    chosen, snapshots = parts.settings.settings, parts.settings.snapshots
    known = register.fold(snapshots, "secret-register")

    def sealed(name: str) -> bool:
        return any(row.sealed and row.name == name for row in known.rows.values())

    copies = GatewayCopies(
        parts.gateway,
        parts.secrets,
        parts.bus.log,
        parts.bus.blobs,
        desired(snapshots, "secret-copies"),
        chosen.gateway_namespace,
        gateway_settings(chosen, parts.bus.born).namespaces,
        sealed,
    )
    return KeptSecrets(copies, parts.binder, known, parts.bus.log)
