"""Which secrets there are, as source asks before anything is built: our store's, the gateway's."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from consumers.deployer.openfaas.client import Gateway
from consumers.secrets.store import Secrets
from consumers.source.secrets import Need
from schemas.envelope import Aggregate
from schemas.environments import is_preview
from schemas.errors import PushlineError
from schemas.events.run import RunQueued
from schemas.secrets import Held, SecretInvalid, bound_name

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StoredSecrets:
    """The port ``KnownSecrets`` over our store."""

    store: Secrets

    async def held(self, run: Aggregate, queued: RunQueued, needs: Sequence[Need]) -> list[Held]:
        """Return for each need whether this run gets it."""
        return [await self.one(run, queued, need) for need in needs]

    async def one(self, run: Aggregate, queued: RunQueued, need: Need) -> Held:
        """Return what the store has of one."""
        owner = queued.repository.owner
        return await self.store.held(run.forge, run.project, owner, need.name, queued.environment)

    async def keeper(self, run: Aggregate, queued: RunQueued, name: str) -> str:
        """Return the project or tenant whose secret of this name is set here, "" for none."""
        owner = queued.repository.owner
        scope = await self.store.keeper(run.forge, run.project, owner, name)
        if scope is None:
            return ""
        return queued.repository.full_name if scope.project else scope.of


@dataclass(frozen=True, slots=True)
class GatewayToo:
    """The same, where functions of production may have secrets that were made at the gateway."""

    stored: StoredSecrets
    gateway: Gateway
    namespace: str  # of functions that ask for none

    async def held(self, run: Aggregate, queued: RunQueued, needs: Sequence[Need]) -> list[Held]:
        """Return for each need whether this run gets it; what the gateway hides is for deployer."""
        found = await self.stored.held(run, queued, needs)
        if is_preview(queued.environment):  # what the gateway has may be production's
            return found
        there: dict[str, frozenset[str] | None] = {}
        for index, (need, held) in enumerate(zip(needs, found, strict=True)):
            if held == "given" or need.of == "build":
                continue
            where = need.namespace or self.namespace
            if where not in there:
                there[where] = await self._names(where)
            names = there[where]
            if names is None or _bound(queued.label, need.name) in names:
                found[index] = "given"
        return found

    async def keeper(self, run: Aggregate, queued: RunQueued, name: str) -> str:
        """Return whose it is in our store: the gateway lists what is sealed as well."""
        return await self.stored.keeper(run, queued, name)

    async def _names(self, namespace: str) -> frozenset[str] | None:
        """Return the gateway's secrets, None where it does not say."""
        try:
            return await self.gateway.secrets(namespace)
        except PushlineError as error:
            log.warning("secrets_not_listed", namespace=namespace, why=error.code)
            return None


def _bound(label: str, name: str) -> str:
    try:
        return bound_name(label, name)
    except SecretInvalid:
        return ""
