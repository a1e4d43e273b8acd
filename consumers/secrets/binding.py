"""Binding: what a repository's secrets.yml says becomes what the cluster has of that project.

Writes  secret.bound/1, secret.unbound/1
Calls   a SealedSecretsApi
Twice   is harmless: it is declared again, the same; facts are about changes alone

A secret belongs to the project that declared it first. Another one, and whoever made it by hand,
is told so; nothing of theirs is overwritten.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

import msgspec
import structlog

from bus.log import EventLog
from schemas.envelope import Aggregate, Recorded
from schemas.events import Event
from schemas.events.secret import SecretBound, SecretUnbound, SecretUnwanted
from schemas.ids import Sha, digest_of, event_id
from schemas.sealed import ClusterUnavailable, SealedRefused, SealedSecret

WAIT: Final = 20.0  # seconds in which a controller opens what it is given
LOOK: Final = 0.2  # seconds between two looks
ACTOR: Final = "secrets"

log = structlog.get_logger(__name__)


class Opened(msgspec.Struct, frozen=True):
    """What the controller says of a SealedSecret."""

    state: Literal["pending", "opened", "refused"]
    why: str = ""


class SealedSecretsApi(Protocol):
    """SealedSecrets of one namespace; raises ClusterUnavailable, SealedRefused."""

    @property
    def namespace(self) -> str:
        """Return where functions and their secrets are."""
        ...

    async def names(self, of: Aggregate) -> frozenset[str]:
        """Return what a project has there."""
        ...

    async def exists(self, name: str) -> bool:
        """Tell whether anybody has it there."""
        ...

    async def apply(self, sealed: SealedSecret, of: Aggregate) -> int:
        """Have it there, as declared by a project; return its generation."""
        ...

    async def opened(self, name: str, generation: int) -> Opened:
        """Return what came of this generation."""
        ...

    async def delete(self, name: str, of: Aggregate) -> bool:
        """Delete it if it is this project's; False when there was none."""
        ...


class Predecessor(Protocol):
    """Who may have kept the same secret before it was sealed; shared between tasks."""

    async def make_way(self, cause: Recorded[Event], name: str) -> None:
        """Remove a copy that was left: a controller never writes over what is not its own."""
        ...


class Nobody:
    """There was nobody before."""

    async def make_way(self, cause: Recorded[Event], name: str) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Binder:
    """Shared between tasks; the runs of one project come one after the other."""

    events: EventLog
    api: SealedSecretsApi
    before: Predecessor = field(default_factory=Nobody)
    wait: float = WAIT
    clock: Callable[[], float] = time.monotonic

    @property
    def namespace(self) -> str:
        """Return where secrets are bound."""
        return self.api.namespace

    async def bind(
        self, cause: Recorded[Event], declared: Sequence[SealedSecret], *, sha: Sha
    ) -> None:
        """Have exactly a commit's in the cluster; raises ClusterUnavailable, SealedRefused."""
        of = cause.of
        project = Aggregate(of.forge, of.project, "project", of.project)
        there = await self.api.names(project)
        for one in declared:
            if one.name not in there and not await self.api.exists(one.name):
                await self.before.make_way(cause, one.name)
        applied = [(one, await self.api.apply(one, project)) for one in declared]
        for one, generation in applied:
            await self._until_opened(one, generation, project)
            await self._record_bound(one, cause, sha)
        for name in sorted(there - {one.name for one in declared}):
            await self.unbind(project, name, cause, reason="it is not in secrets.yml any more")

    async def unbind_all(self, cause: Recorded[Event], *, reason: str) -> None:
        """Take a project's secrets out of the cluster, save those that were bound since."""
        of = cause.of
        project = Aggregate(of.forge, of.project, "project", of.project)
        for name in sorted(await self.api.names(project)):
            last = await self.events.last(self._of(project, name), SecretBound, SecretUnbound)
            if last is None or last.seq < cause.seq:
                await self.unbind(project, name, cause, reason=reason)

    async def unwanted(self, event: Recorded[Event], fact: SecretUnwanted) -> None:
        """Take a secret out of the cluster, unless it was bound since."""
        of = event.of
        last = await self.events.last(of, SecretBound, SecretUnbound)
        if fact.namespace != self.namespace:
            log.warning("secret_out_of_reach", secret=fact.name, namespace=fact.namespace)
        elif last is None or last.seq < event.seq:
            project = Aggregate(of.forge, of.project, "project", of.project)
            await self.unbind(project, fact.name, event, reason=fact.reason)

    async def unbind(
        self, project: Aggregate, name: str, cause: Recorded[Event], *, reason: str
    ) -> None:
        """Take one of a project's secrets out of the cluster."""
        if not await self.api.delete(name, project):
            return
        fact = SecretUnbound(name=name, namespace=self.namespace, reason=reason)
        id = event_id(ACTOR, cause.id, fact, name)
        of = self._of(project, name)
        await self.events.append(fact, of=of, id=id, cause=cause, actor=ACTOR)
        log.info("secret_unbound", secret=name, project=project.project)

    async def _until_opened(self, one: SealedSecret, generation: int, project: Aggregate) -> None:
        ends = self.clock() + self.wait
        while (found := await self.api.opened(one.name, generation)).state == "pending":
            if self.clock() >= ends:
                raise ClusterUnavailable(
                    f"nobody has opened the SealedSecret {one.name} within {self.wait:g} s",
                    hint="the operator looks at the SealedSecrets controller",
                )
            await asyncio.sleep(LOOK)
        if found.state == "refused":
            last = await self.events.last(self._of(project, one.name), SecretBound, SecretUnbound)
            if last is None or isinstance(last.fact, SecretUnbound):
                # a controller that gave up looks again only at what is new to it
                await self.api.delete(one.name, project)
            taken = "already exists" in found.why
            raise SealedRefused(
                f"{one.name} cannot be opened: {found.why}",
                hint="the operator deletes the one that was made there by hand; push again"
                if taken
                else "seal it again with what `pushline secrets cert` prints",
            )

    async def _record_bound(self, one: SealedSecret, cause: Recorded[Event], sha: Sha) -> None:
        body = msgspec.json.encode((one.values, one.annotations), order="deterministic")
        keys = tuple(sorted(one.values))
        fact = SecretBound(one.name, self.namespace, keys, digest_of(body), sha)
        of = self._of(cause.of, one.name)
        # after secret.unwanted it is said again: whoever reads that late leaves it alone
        last = await self.events.last(of, SecretBound, SecretUnbound, SecretUnwanted)
        known = last.fact if last is not None else None
        if isinstance(known, SecretBound) and msgspec.structs.replace(known, sha=sha) == fact:
            return
        id = event_id(ACTOR, cause.id, fact, one.name)
        await self.events.append(fact, of=of, id=id, cause=cause, actor=ACTOR)
        log.info("secret_bound", secret=one.name, project=of.project)

    def _of(self, of: Aggregate, name: str) -> Aggregate:
        return Aggregate(of.forge, of.project, "secret", f"{self.namespace}/{name}")
