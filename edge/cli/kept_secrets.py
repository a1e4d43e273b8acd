"""What follows the secrets of our store where a gateway runs functions: its copies, the cluster."""

from dataclasses import dataclass

from consumers.deployer.desired import desired
from consumers.deployer.openfaas.copies import GatewayCopies
from consumers.secrets.binding import Binder
from consumers.secrets.consumer import Change
from edge.cli.adapters import Adapters
from schemas.envelope import Recorded
from schemas.events.function import FunctionRemoved


@dataclass(frozen=True, slots=True)
class KeptSecrets:
    """The port ``Copies`` over a gateway and, where there is one, its cluster."""

    copies: GatewayCopies
    binder: Binder | None

    async def settle(self, event: Recorded[Change]) -> None:
        """Have both say what the log says."""
        await self.copies.settle(event)
        gone = isinstance(event.fact, FunctionRemoved) and not self.copies.lives(event.of)
        if self.binder is not None and gone:
            await self.binder.unbind_all(event, reason="no function of the project is left")


def kept_secrets(parts: Adapters) -> KeptSecrets:
    """Return it for the chosen gateway; whoever asks runs the fold of its copies."""
    copies = GatewayCopies(
        parts.gateway,
        parts.secrets,
        parts.bus.log,
        parts.bus.blobs,
        desired(parts.settings.snapshots, "secret-copies"),
        parts.settings.settings.gateway_namespace,
    )
    return KeptSecrets(copies, parts.binder)
