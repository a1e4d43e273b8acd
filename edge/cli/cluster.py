"""The cluster that OpenFaaS runs in, as the settings name it: where secrets.yml is bound."""

import hashlib
from contextlib import AsyncExitStack
from pathlib import Path

from bus.connection import Bus
from consumers.secrets.binding import Binder
from consumers.secrets.kubernetes import Kubernetes
from edge.cli.cluster_settings import namespace_of
from edge.cli.settings import Settings


def binder(chosen: Settings, bus: Bus, closing: AsyncExitStack) -> Binder | None:
    """Return what binds SealedSecrets, None where functions do not run in a known cluster."""
    if chosen.platform != "openfaas" or not chosen.kubernetes_url:
        return None
    cluster = Kubernetes(
        chosen.kubernetes_url,
        Path(chosen.kubernetes_folder),
        namespace_of(chosen.gateway_namespace),
        hashlib.sha256(bus.born.encode()).hexdigest()[:16],
    )
    closing.push_async_callback(cluster.close)
    return Binder(bus.log, cluster)
