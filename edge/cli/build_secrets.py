"""Secrets of builds: an order's repository and owner say whose are meant."""

from dataclasses import dataclass

from consumers.builder.images import Order
from consumers.secrets.store import Secrets


@dataclass(frozen=True, slots=True)
class OrderedSecrets:
    """The builder's port ``BuildSecrets`` over the secret store."""

    store: Secrets

    async def open(self, order: Order, name: str) -> bytes | None:
        """Return a secret of the order's project or tenant, None where it gets none."""
        run, owner = order.run, order.repository.owner
        return await self.store.open(run.forge, run.project, owner, name, order.environment)
