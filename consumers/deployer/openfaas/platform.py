"""The adapter ``openfaas``: revisions as functions of a gateway, the newest in its place.

A gateway can't tell whether it is the new revision or still the old one that is ready: on
Kubernetes the old replicas are counted until the new ones are, on faasd the old one is gone
before the new one has started. So a revision that replaces another is tried first, under a name
of its own; what was live is not touched before the new one was seen ready, and a revision that
does not start leaves nothing behind. Then it takes the place, Kubernetes rolling without a gap.

Whose function it is, which revision and which generation, the function itself says by its marks.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import ClassVar, Final

import structlog

from consumers.deployer.openfaas import names
from consumers.deployer.openfaas.answers import GatewayDenied, GatewayUnavailable
from consumers.deployer.openfaas.client import Gateway
from consumers.deployer.openfaas.deployment import deployment, namespace, on_trial
from consumers.deployer.openfaas.ready import NotReady, Watch, called, refuse_older, tail
from consumers.deployer.openfaas.secrets import bind
from consumers.deployer.openfaas.settings import GatewaySettings
from consumers.deployer.openfaas.wire import Deployment, Status
from consumers.deployer.platform import Revision, Running
from consumers.deployer.secrets import FunctionSecrets, NoSecrets
from schemas.errors import DeployFailed, PlatformUnavailable

# Fields of stack.yml that have an effect with this platform.
HONOURED: Final = frozenset(
    (
        "annotations",
        "constraints",
        "fprocess",
        "labels",
        "namespace",
        "readonly_root_filesystem",
        "requests",
        "secrets",
    )
)

log = structlog.get_logger()


class OpenFaasPlatform:
    """A Platform; holds no state, for the gateway tells what runs."""

    every: ClassVar[float] = 5.0

    def __init__(
        self,
        gateway: Gateway,
        settings: GatewaySettings,
        secrets: FunctionSecrets | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Deploy to ``gateway``; without ``secrets`` all of them are the gateway's."""
        self.gateway = gateway
        self.settings = settings
        self.secrets = secrets or NoSecrets()
        self.clock = clock

    async def deploy(self, revision: Revision) -> Running:
        """Have the revision run in its function's place, seen ready."""
        try:
            return await self._deploy(revision)
        except GatewayDenied as error:  # no waiting mends it, and somebody waits for an answer
            raise DeployFailed(error.message, hint=error.hint) from error

    async def _deploy(self, revision: Revision) -> Running:
        begun = self.clock()
        service, held = await self._place(revision)
        order = deployment(revision, service, self.settings, now=begun)
        mark = None if held is None else names.mark_of(held, self.settings.installation)
        if mark is None or mark.key != revision.key:
            if mark is not None:
                refuse_older(revision, mark)
            await bind(self.gateway, self.secrets, revision, order.namespace)
            await self._replace(order, revision, mark)
        else:
            await self._ready(order, revision)
        if mark is not None and not revision.over:
            await self.gateway.delete(names.trial_of(service, revision), order.namespace)
        took = self.clock() - begun
        upstream = self.gateway.url + called(service, order.namespace)
        return Running(upstream=upstream, start_ms=int(took * 1000))

    async def _replace(self, order: Deployment, revision: Revision, old: names.Mark | None) -> None:
        """Put a revision where nothing is, or where an older one is; then nothing else is left."""
        if old is None:
            await self._apply(order, exists=False)
            await self._ready(order, revision, undo=True)
            return
        if not revision.over:  # what was live before needs no trial to come back
            trial = on_trial(order, names.trial_of(order.service, revision))
            await self._apply(trial, exists=False)
            await self._ready(trial, revision, undo=True)
            status = await self.gateway.function(order.service, order.namespace)
            if status and (there := names.mark_of(status, self.settings.installation)):
                refuse_older(revision, there)  # somebody else may have been quicker
        await self._apply(order, exists=True)
        await self._ready(order, revision)

    async def _apply(self, order: Deployment, *, exists: bool) -> None:
        await self.gateway.apply(order, exists=exists, timeout=self.settings.seconds)

    async def _ready(self, order: Deployment, revision: Revision, *, undo: bool = False) -> None:
        """Wait until a revision is ready; raises DeployFailed, with what it printed."""
        begun = datetime.fromtimestamp(self.clock(), UTC)
        try:
            await Watch(self.gateway, self.settings, revision).until_ready(order)
        except DeployFailed as error:
            lines = await tail(self.gateway, order, begun) if isinstance(error, NotReady) else ()
            if undo:
                with suppress(PlatformUnavailable):  # then the reconciler does it
                    await self._drop(order.service, order.namespace, revision.key)
            if lines:
                raise NotReady("\n".join((error.message, *lines))) from error
            raise

    async def _place(self, revision: Revision) -> tuple[str, Status | None]:
        """Return the name that the function has, else one that is free, and what runs there."""
        where = namespace(revision, self.settings)
        candidates, free = names.services(revision), ""
        for service in candidates:
            held = await self.gateway.function(service, where)
            if held is None:
                free = free or service
                continue
            mark = names.mark_of(held, self.settings.installation)
            if mark is not None and mark.of == revision.of and not mark.trial:
                return service, held
        if free:
            return free, None
        raise DeployFailed(
            f"the gateway has functions {' and '.join(candidates)} that are not Pushline's",
            hint="the operator deletes or renames them",
        )

    async def retire(self, key: str) -> None:
        """Delete a revision, also one on trial; what has taken its place is left alone."""
        for where in self._namespaces():
            for status in await self._listed(where):
                mark = names.mark_of(status, self.settings.installation)
                if mark is not None and mark.key == key:
                    await self._drop(status.name, where, key)

    async def running(self) -> frozenset[str]:
        """Return the keys of all revisions, those on trial too."""
        found = set()
        for where in self._namespaces():
            for status in await self._listed(where):
                if mark := names.mark_of(status, self.settings.installation):
                    found.add(mark.key)
        return frozenset(found)

    async def _drop(self, service: str, namespace: str, key: str) -> None:
        """Delete a function if it is this revision still; a list may be a while old."""
        status = await self.gateway.function(service, namespace)
        mark = None if status is None else names.mark_of(status, self.settings.installation)
        if mark is not None and mark.key == key:
            await self.gateway.delete(service, namespace)
            log.info("function_deleted", service=service, namespace=namespace, key=key)

    def _namespaces(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.settings.namespace, *self.settings.namespaces)))

    async def _listed(self, namespace: str) -> list[Status]:
        try:
            return await self.gateway.functions(namespace)
        except DeployFailed as error:
            raise GatewayUnavailable(f"functions of namespace {namespace!r}: {error}") from error
