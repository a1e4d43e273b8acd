"""Copies of secrets at the gateway: renewed as a value is set, removed when nothing needs them.

A live function keeps what it was given until its next deploy, so what one of them uses stays. A
secret that our store never had was made by hand and is nobody's to touch. While anything is being
deployed nothing is removed: what is left over harms nobody, what is missing does.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import msgspec
import structlog

from bus.blobs import Blobs
from bus.fold import Fold
from bus.log import EventLog
from consumers.deployer.desired import Desired
from consumers.deployer.openfaas.client import Gateway
from consumers.deployer.secrets import FunctionSecrets
from schemas.envelope import Aggregate, Recorded, tenant
from schemas.errors import BlobMissing
from schemas.events.function import FunctionDeployed, FunctionRemoved
from schemas.events.run import RunQueued
from schemas.events.secret import SecretRemoved, SecretSealed
from schemas.events.tenant import TenantLabelled
from schemas.ids import Digest
from schemas.secrets import bound_name, reaching
from schemas.stack_spec import FunctionSpec
from schemas.tenants import lineage

log = structlog.get_logger(__name__)

Change: TypeAlias = SecretSealed | SecretRemoved | FunctionRemoved


class Use(msgspec.Struct, frozen=True):
    """A live function that is given secrets."""

    of: Aggregate
    owner: str
    label: str
    environment: str
    namespace: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GatewayCopies:
    """Shared between tasks; somebody else runs the fold."""

    gateway: Gateway
    store: FunctionSecrets
    events: EventLog
    blobs: Blobs
    fold: Fold[Desired]
    namespace: str  # of functions that ask for none

    async def settle(self, event: Recorded[Change]) -> None:
        """Renew the copies that an event made old, remove those that it made useless."""
        await self.fold.reached(await self.events.head())
        match event.fact:
            case SecretSealed(resealed=False) as fact:
                await self._renew(event.of, fact.name)
            case SecretRemoved() as fact:
                await self._removed(event.of, fact.name)
            case FunctionRemoved(label=label):
                await self._unused(event.of, label)
            case _:
                return

    def lives(self, of: Aggregate) -> bool:
        """Tell whether any function of a project is live, or about to be."""
        rows = self.fold.rows.values()
        return any(row.of.forge == of.forge and row.of.project == of.project for row in rows)

    async def _renew(self, of: Aggregate, name: str) -> None:
        """Give a new value to the live functions that use it."""
        owner = of.id.rpartition("/")[0]  # of a tenant's; a project's own has a plain name
        async for use in self._uses(of.forge, of.project):
            if name not in use.names or (not of.project and owner not in lineage(use.owner)):
                continue
            where = use.of
            value = await self.store.open(
                where.forge, where.project, use.owner, name, use.environment
            )
            if value is not None:
                await self.gateway.set_secret(bound_name(use.label, name), value, use.namespace)
                log.info("secret_renewed", secret=name, function=where.id)

    async def _removed(self, of: Aggregate, name: str) -> None:
        """Remove the copy of a secret that is no more, unless a live function has it."""
        owner = await self._owner(of)
        labelled = await self.events.last(tenant(of.forge, owner), TenantLabelled)
        if labelled is not None:
            await self._drop(of.forge, labelled.fact.label, [name], {self.namespace})

    async def _owner(self, of: Aggregate) -> str:
        if not of.project:
            return of.id.rpartition("/")[0]
        last = await self.events.last(of, SecretRemoved)
        return last.name.rpartition("/")[0].lower() if last else ""

    async def _unused(self, of: Aggregate, label: str) -> None:
        """Remove the copies that the function was the last to need."""
        last = await self.events.last(of, FunctionDeployed)
        spec = await self._spec(last.fact.spec) if last else None
        if last is None or spec is None or not spec.secrets:
            return
        queued = await self._queued(of, last.fact.run)
        owner = queued.repository.owner if queued else ""
        ours = [name for name in spec.secrets if await self._ours(of, owner, name)]
        await self._drop(of.forge, label, ours, {spec.namespace or self.namespace})

    async def _ours(self, of: Aggregate, owner: str, name: str) -> bool:
        """Tell whether our store ever had it."""
        for scope in reaching(of.forge, of.project, owner):
            if await self.events.last(scope.secret(name), SecretSealed, SecretRemoved):
                return True
        return False

    async def _drop(
        self, forge: str, label: str, names: Iterable[str], namespaces: Iterable[str]
    ) -> None:
        needed: set[str] = set()
        async for use in self._uses(forge, ""):
            if use.label == label:
                needed.update(use.names)
        await self.fold.reached(await self.events.head())
        if any(row.pending for row in self.fold.rows.values()):
            log.info("secrets_kept", label=label, why="a function is being deployed")
            return
        for name in names:
            if name in needed:
                continue
            for namespace in namespaces:
                if await self.gateway.delete_secret(bound_name(label, name), namespace):
                    log.info("secret_dropped", secret=name, label=label, namespace=namespace)

    async def _uses(self, forge: str, project: str) -> AsyncIterator[Use]:
        """Yield the live functions of a forge, or of one project, that are given secrets."""
        for row in list(self.fold.rows.values()):
            live = row.live
            if live is None or row.of.forge != forge or project not in ("", row.of.project):
                continue
            spec = await self._spec(live.spec)
            if spec is None or not spec.secrets:
                continue
            queued = await self._queued(row.of, live.run)
            if queued is not None:
                yield Use(
                    row.of,
                    queued.repository.owner.lower(),
                    live.label,
                    live.environment,
                    spec.namespace or self.namespace,
                    spec.secrets,
                )

    async def _spec(self, digest: Digest) -> FunctionSpec | None:
        try:
            return msgspec.json.decode(await self.blobs.get(digest), type=FunctionSpec)
        except BlobMissing:
            return None

    async def _queued(self, of: Aggregate, run: str) -> RunQueued | None:
        found = await self.events.last(Aggregate(of.forge, of.project, "run", run), RunQueued)
        return found.fact if found else None
