"""Copies of secrets at the gateway: renewed as a value is set, removed when nothing needs them.

A live function keeps what it was given until its next deploy, so what one of them uses stays. A
secret that our store never had was made by hand, one of a secrets.yml is the cluster's: neither is
ours to touch. While a function of the tenant is being deployed nothing is removed, for it may just
have been given what nobody live needs; the end of that deploy has us look again. A revision that
is only kept holds nothing: whoever goes back to it deploys it, and a deploy gives it its secrets.
"""

from collections.abc import AsyncIterator, Callable, Iterable
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
from schemas.events.function import (
    FunctionDeployed,
    FunctionDeployFailed,
    FunctionDeployStarted,
    FunctionRemoved,
)
from schemas.events.run import RunQueued
from schemas.events.secret import SecretRemoved, SecretSealed, SecretUnwanted
from schemas.events.tenant import TenantLabelled
from schemas.ids import Digest
from schemas.secrets import bound_name, bound_prefix, reaching
from schemas.stack_spec import FunctionSpec
from schemas.tenants import lineage

log = structlog.get_logger(__name__)

End: TypeAlias = FunctionDeployed | FunctionDeployFailed
Change: TypeAlias = SecretSealed | SecretRemoved | SecretUnwanted | End | FunctionRemoved


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
    others: tuple[str, ...] = ()  # namespaces that functions may ask for
    sealed: Callable[[str], bool] = lambda _: False  # whether the cluster has it of a secrets.yml

    async def settle(self, event: Recorded[Change]) -> None:
        """Renew the copies that an event made old, remove those that it made useless."""
        await self.fold.reached(await self.events.head())
        match event.fact:
            case SecretSealed(resealed=False) as fact:
                await self._renew(event.of, fact.name)
            case SecretRemoved() as fact:
                await self._removed(event.of, fact.name)
            case FunctionDeployed(run=run) | FunctionDeployFailed(run=run):
                await self._unasked(event.of, run)
            case FunctionRemoved(label=label):
                await self._unused(event.of, label)
            case _:
                return

    @property
    def _everywhere(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.namespace, *self.others)))

    def lives(self, of: Aggregate) -> bool:
        """Tell whether any function of a project is live, or about to be."""
        rows = self.fold.rows.values()
        return any(row.of.forge == of.forge and row.of.project == of.project for row in rows)

    async def _renew(self, of: Aggregate, name: str) -> None:
        """Give a new value to the live functions that use it."""
        owner = of.id.rpartition("/")[0]  # of a tenant's; a project's own has a plain name
        async for use in self._uses(of.forge, project=of.project):
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
            await self._drop(of, owner, labelled.fact.label, [name], self._everywhere)

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
        await self._drop(of, owner, label, ours, {spec.namespace or self.namespace})

    async def _unasked(self, of: Aggregate, run: str) -> None:
        """Remove the copies that no stack of a tenant asks for any more."""
        queued = await self._queued(of, run)
        if queued is None or await self._deploying(of.forge, queued.label):
            return
        prefix, owner = bound_prefix(queued.label), queued.repository.owner
        for namespace in self._everywhere:
            there = await self.gateway.secrets(namespace)
            names = sorted(one.removeprefix(prefix) for one in there if one.startswith(prefix))
            ours = [name for name in names if await self._ours(of, owner, name)]
            await self._drop(of, owner, queued.label, ours, {namespace})

    async def _ours(self, of: Aggregate, owner: str, name: str) -> bool:
        """Tell whether our store ever had it."""
        for scope in reaching(of.forge, of.project, owner):
            if await self.events.last(scope.secret(name), SecretSealed, SecretRemoved):
                return True
        return False

    async def _drop(
        self, of: Aggregate, owner: str, label: str, names: Iterable[str], namespaces: Iterable[str]
    ) -> None:
        """Remove the copies of a tenant's secrets that no live function of his has."""
        uses = [use async for use in self._uses(of.forge, label=label)]
        if await self._deploying(of.forge, label):
            log.info("secrets_kept", label=label, why="a function is being deployed")
            return
        dropped = [
            (name, where)
            for name in names
            for where in namespaces
            if not any(name in use.names and _same(where, use.namespace) for use in uses)
            and await self._deleted(bound_name(label, name), where)
        ]
        if dropped and await self._deploying(of.forge, label):  # and was perhaps given them before
            for name, where in dropped:
                value = await self.store.open(of.forge, of.project, owner, name)
                if value is not None:
                    await self.gateway.set_secret(bound_name(label, name), value, where)

    async def _deleted(self, known: str, namespace: str) -> bool:
        if self.sealed(known) or not await self.gateway.delete_secret(known, namespace):
            return False
        log.info("secret_dropped", secret=known, namespace=namespace)
        return True

    async def _deploying(self, forge: str, label: str) -> bool:
        """Tell whether a function is about to be live that is a tenant's, or may be."""
        await self.fold.reached(await self.events.head())
        for row in list(self.fold.rows.values()):
            if not row.pending or row.of.forge != forge:
                continue
            started = await self.events.last(row.of, FunctionDeployStarted)
            queued = await self._queued(row.of, started.fact.run) if started else None
            if queued is None or queued.label == label:
                return True
        return False

    async def _uses(self, forge: str, *, project: str = "", label: str = "") -> AsyncIterator[Use]:
        """Yield the live functions of a project, or of a tenant, that are given secrets."""
        for row in list(self.fold.rows.values()):
            live = row.live
            if live is None or row.of.forge != forge:
                continue
            if project not in ("", row.of.project) or label not in ("", live.label):
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


def _same(one: str, other: str) -> bool:
    """Tell whether two namespaces may be one: the gateway's own has a name as well as none."""
    return one == other or not one or not other
