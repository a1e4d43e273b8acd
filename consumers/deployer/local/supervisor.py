"""The supervisor: one process per machine that runs all functions, and their watchdogs.

Children of functions die with it: their cells hang on its sockets, and the kernel tells them.
It holds no state of its own; after a start the deployer orders again what the log says is live.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol

import msgspec
import structlog
import uvloop

from bus.allowance import Allowance
from bus.connection import connect
from consumers.deployer.local import api, cgroups, orphans
from consumers.deployer.local.control import Status, name_of
from consumers.deployer.local.ground import MEANING, Ground
from consumers.deployer.local.hosted import Hosted
from consumers.deployer.local.launch import folder_of, group_prefix
from consumers.deployer.local.logs import Log
from consumers.deployer.local.settings import SupervisorSettings
from consumers.deployer.local.watchdog import contract
from consumers.deployer.local.watchdog.http import HttpMode
from consumers.deployer.platform import Revision, Running
from schemas import bundle, subjects
from schemas.errors import DeployFailed, PlatformUnavailable

STARTS: Final = 4  # revisions that start at the same time; more would starve one another
SWEEP: Final = 1.0  # seconds between two looks for idle connections
ENDING: Final = 10.0  # seconds that requests in flight get when the supervisor itself ends

log = structlog.get_logger()


class Sink(Protocol):
    """Where printed lines go."""

    async def write(self, subject: str, lines: Sequence[str]) -> None:
        """Store lines."""
        ...


class Printed:
    """Lines on standard error, for a supervisor without a log."""

    async def write(self, subject: str, lines: Sequence[str]) -> None:
        """Print them."""
        sys.stderr.writelines(f"{subject}: {line}\n" for line in lines)
        sys.stderr.flush()


class Supervisor:
    """All revisions of this machine, by name."""

    def __init__(self, ground: Ground, sink: Sink) -> None:
        self.ground = ground
        self.sink = sink
        self.hosted: dict[str, Hosted] = {}
        self.allowance = Allowance(ground.settings.log_bytes)
        self.ending = False
        self._starts = asyncio.Semaphore(STARTS)

    async def deploy(
        self, order: Revision, secrets: Mapping[str, bytes] = MappingProxyType({})
    ) -> Running:
        """Return once the revision was seen ready, which may have been before.

        One that runs already keeps the secrets that it was started with.

        Raises DeployFailed; then nothing is left of it.
        """
        if self.ending:
            raise PlatformUnavailable("the supervisor is ending")
        if self.ground.refusal:
            raise DeployFailed(self.ground.refusal)
        name = name_of(order.key)
        found = self.hosted.get(name)
        if found is not None and found.drained is not None:
            await asyncio.shield(found.drained)  # ordered again as it was being retired
            found = self.hosted.get(name)
        if found is None:
            found = self.hosted[name] = self._host(order, secrets)
            async with self._starts:
                await found.start()
                await asyncio.wait({found.first})
        try:
            return await asyncio.shield(found.first)
        except DeployFailed as error:
            await self._forget(found)
            raise DeployFailed(_with_tail(error.message, found.lines.tail)) from error

    def _host(self, order: Revision, secrets: Mapping[str, bytes]) -> Hosted:
        file = folder_of(self.ground.settings.home, order.image) / bundle.FILE
        try:
            how = bundle.parse(file.read_bytes())
        except OSError as error:
            raise DeployFailed(
                f"the bundle {order.image} is not on this machine", hint="push the commit again"
            ) from error
        except msgspec.DecodeError as error:
            raise DeployFailed(f"{file.name} of {order.image}: {error}") from error
        rules = contract.read(
            {**how.environment, **order.spec.environment},
            classic=how.cgi,
            content_type=how.content_type,
        )
        id = f"{order.environment}/{order.function}"
        subject = subjects.function_log(order.forge, order.project, id, order.id)

        async def write(lines: Sequence[str]) -> None:
            await self.allowance.write(self.sink, order.label, subject, lines)

        lines = Log(write)
        return Hosted(order, how, rules, self.ground, lines, secrets=secrets)

    async def _forget(self, hosted: Hosted) -> None:
        if self.hosted.get(hosted.name) is hosted:
            del self.hosted[hosted.name]
            await hosted.end()

    def retire(self, name: str) -> None:
        """Begin to drain a revision; nothing to do for an unknown one."""
        found = self.hosted.get(name)
        if found is not None and found.drained is None:
            found.drain().add_done_callback(lambda drain: self._drained(found, drain))

    def _drained(self, hosted: Hosted, drain: "asyncio.Task[None]") -> None:
        if not drain.cancelled() and (error := drain.exception()) is not None:
            log.error("drain_failed", key=hosted.order.key, exc_info=error)
        if self.hosted.get(hosted.name) is hosted:
            del self.hosted[hosted.name]

    def statuses(self) -> list[Status]:
        """Return what every revision does."""
        return [hosted.status() for hosted in self.hosted.values()]

    async def sweep_for_ever(self) -> None:
        """Close connections that nobody uses."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP)
            for hosted in list(self.hosted.values()):
                hosted.door.sweep(loop.time())
                if isinstance(hosted.mode, HttpMode):
                    hosted.mode.sweep(loop.time())

    async def end(self) -> None:
        """Drain everything, at the same time and not for ever."""
        self.ending = True
        hosted = list(self.hosted.values())
        if drains := [one.drain() for one in hosted]:
            await asyncio.wait(drains, timeout=ENDING)
        await asyncio.gather(*(one.end() for one in self.hosted.values() if not _gone(one)))


def _gone(hosted: Hosted) -> bool:
    return hosted.drained is not None and hosted.drained.done()


def _with_tail(message: str, tail: Sequence[str]) -> str:
    """Return why a start failed with what the program printed."""
    return "\n".join((message, *tail))


@contextlib.asynccontextmanager
async def _sink(settings: SupervisorSettings) -> AsyncIterator[Sink]:
    if settings.bus is None:
        yield Printed()
        return
    async with connect(settings.bus, name="supervisor") as bus:
        yield bus.lines


async def serve(settings: SupervisorSettings, stopping: asyncio.Event) -> None:
    """Run functions until ``stopping``; then drain them all."""
    ground = Ground(settings)
    (settings.home / "functions").mkdir(parents=True, exist_ok=True)
    cgroups.sweep(group_prefix(settings.home))
    await orphans.end(settings.home)
    await ground.survey()
    if ground.refusal:
        log.error("functions_refused", why=ground.refusal)
    else:
        say = log.warning if ground.walls == "none" else log.info
        say("walls_chosen", walls=ground.walls, meaning=MEANING[ground.walls])
    async with _sink(settings) as sink:
        supervisor = Supervisor(ground, sink)
        sweeping = asyncio.create_task(supervisor.sweep_for_ever())
        async with api.served(supervisor, settings.socket):
            await stopping.wait()
            await supervisor.end()
        sweeping.cancel()


def run(settings: SupervisorSettings) -> None:
    """Run the supervisor until SIGTERM or SIGINT; blocks, with an event loop of its own."""
    os.umask(0o077)
    uvloop.run(_until_signalled(settings))


async def _until_signalled(settings: SupervisorSettings) -> None:
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await serve(settings, stopping)
