"""The cluster that OpenFaaS runs in, as the settings name it: where secrets.yml is bound."""

import hashlib
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import structlog

from bus.connection import Bus
from consumers.deployer.openfaas.answers import GatewayDenied
from consumers.deployer.openfaas.client import Gateway
from consumers.secrets.binding import Binder
from consumers.secrets.kubernetes import Kubernetes
from consumers.secrets.store import Secrets
from edge.cli.cluster_settings import namespace_of
from edge.cli.settings import Settings
from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.run import RunQueued
from schemas.secrets import bound_prefix

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OwnCopies:
    """The port ``Predecessor`` over our store and its copies at the gateway."""

    store: Secrets
    gateway: Gateway
    namespace: str

    async def make_way(self, cause: Recorded[Event], name: str) -> None:
        """Remove a copy that a live function had of a secret of ours, which is removed by now."""
        fact, of = cause.fact, cause.of
        if not isinstance(fact, RunQueued):
            return
        short = name.removeprefix(bound_prefix(fact.label))
        if not await self.store.had(of.forge, of.project, fact.repository.owner, short):
            return
        try:
            await self.gateway.delete_secret(name, self.namespace)
        except GatewayDenied as error:  # where there is a copy, the controller will say so
            log.warning("copy_not_removed", secret=name, why=error.code)


def binder(
    chosen: Settings, bus: Bus, closing: AsyncExitStack, store: Secrets, gateway: Gateway
) -> Binder | None:
    """Return what binds SealedSecrets, None where the cluster is not known."""
    if not chosen.kubernetes_url:
        return None
    cluster = Kubernetes(
        chosen.kubernetes_url,
        Path(chosen.kubernetes_folder),
        namespace_of(chosen.gateway_namespace),
        hashlib.sha256(bus.born.encode()).hexdigest()[:16],
    )
    closing.push_async_callback(cluster.close)
    return Binder(bus.log, cluster, OwnCopies(store, gateway, chosen.gateway_namespace))
