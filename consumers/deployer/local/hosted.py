"""One revision's life: started, seen ready, started again when it dies, drained, ended."""

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import structlog

from consumers.deployer.local import cgroups, limiting
from consumers.deployer.local.cells import Cell, Program, describe, open_cell
from consumers.deployer.local.control import State, Status, name_of, upstream_of
from consumers.deployer.local.ground import Ground
from consumers.deployer.local.launch import Launch
from consumers.deployer.local.logs import Log
from consumers.deployer.local.watchdog.contract import Contract
from consumers.deployer.local.watchdog.forking import ForkingMode
from consumers.deployer.local.watchdog.front import Door, Front
from consumers.deployer.local.watchdog.http import HttpMode
from consumers.deployer.local.watchdog.static import StaticMode
from consumers.deployer.platform import Revision, Running
from schemas.bundle import Bundle
from schemas.errors import DeployFailed

FIRST_PAUSE: Final = 0.2  # seconds before a program that died is started again
LONGEST_PAUSE: Final = 30.0
HEALTHY: Final = 10.0  # seconds after which the pauses begin anew
CLEARING: Final = 10.0  # seconds that the kernel may take to end what was killed
TERMINATING: Final = 2.0  # seconds between SIGTERM and SIGKILL, when nothing is in flight

log = structlog.get_logger()


class Hosted:
    """A revision on this machine."""

    def __init__(
        self,
        order: Revision,
        bundle: Bundle,
        contract: Contract,
        ground: Ground,
        lines: Log,
        *,
        secrets: Mapping[str, bytes],
    ) -> None:
        self.order = order
        self.name = name_of(order.key)
        self.bundle = bundle
        self.ground = ground
        self.lines = lines
        self.launch = Launch(order, bundle, ground, secrets)
        self.state: State = "starting"
        self.restarts = self.failing = 0
        self.ended = ""  # how the last process ended
        self.cell: Cell | None = None
        self.mode = self._mode()
        self.door = Door(self.mode, contract)
        self.server: asyncio.AbstractServer | None = None
        loop = asyncio.get_running_loop()
        self.first: asyncio.Future[Running] = loop.create_future()
        self.keeper: asyncio.Task[None] | None = None
        self.drained: asyncio.Task[None] | None = None
        self.leaving = asyncio.Event()  # it is not to be started again
        self.over = False

    def _mode(self) -> HttpMode | ForkingMode | StaticMode:
        if self.bundle.mode == "http":
            return HttpMode(self.launch.dial)
        if self.bundle.mode == "static":
            return StaticMode(self.launch.folder / self.bundle.static_path)
        return ForkingMode(self._fork, self.bundle.mode, self.lines.descriptor)

    @property
    def socket(self) -> Path:
        """Return where its watchdog listens."""
        return self.ground.settings.run / upstream_of(self.name).removeprefix("unix:")

    async def start(self) -> None:
        """Listen, and begin to keep the program running; ``first`` tells how that went."""
        loop = asyncio.get_running_loop()
        self.socket.unlink(missing_ok=True)
        self.server = await loop.create_unix_server(
            lambda: Front(self.door, loop), str(self.socket), backlog=1024
        )
        self.socket.chmod(0o600)
        self.keeper = loop.create_task(self._keep())
        self.keeper.add_done_callback(self._unkept)

    def _unkept(self, keeper: "asyncio.Task[None]") -> None:
        """Pass on whatever ended the keeper before anything was ready."""
        if self.first.done():
            return
        error = None if keeper.cancelled() else keeper.exception()
        self.first.set_exception(error or DeployFailed("the revision was retired as it started"))

    async def _keep(self) -> None:
        """Run the program, and again whenever it ends, after pauses that grow."""
        if isinstance(self.mode, StaticMode):
            self._is_ready(time.monotonic())
            return
        while not self.leaving.is_set():
            began = time.monotonic()
            try:
                await self._run()
            except DeployFailed as error:
                if not self.first.done():
                    raise
                self.ended = error.message
            self.failing = 0 if time.monotonic() - began > HEALTHY else self.failing + 1
            if not self.first.done():
                raise DeployFailed(f"it {self.ended} before it was ready")
            if self.leaving.is_set():
                return
            pause = min(FIRST_PAUSE * 2 ** max(self.failing - 1, 0), LONGEST_PAUSE)
            self.restarts += 1
            self.state = "restarting"
            self.lines.say(f"the function {self.ended}; it is started again in {pause:g} s")
            log.warning("function_ended", function=self.order.key, how=self.ended, pause_s=pause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.leaving.wait(), pause)

    async def _run(self) -> None:
        """One life of the program, from its walls to its end."""
        group = self.launch.group()
        config = self.launch.walls(group)
        watcher: asyncio.Task[str] | None = None
        try:
            began = time.monotonic()
            self.cell = await open_cell(
                config,
                python=self.ground.interpreter,
                log=self.lines.descriptor,
                secrets=self.launch.secrets,
            )
            if self.leaving.is_set():
                raise DeployFailed("it was retired as it started")
            if not self.cell.found:
                raise DeployFailed(f"there is no program {config.program!r} to run")
            self.launch.cell = self.cell
            watcher = asyncio.create_task(
                limiting.enforce(self.launch, self.cell, group, self.lines.say)
            )
            self.ended = await self._live(self.cell, began)
            if watcher.done():
                self.ended = watcher.result()
            elif group is not None and group.oom_kills():
                self.ended = f"was killed: over {self.launch.memory // 2**20} MiB of memory"
        finally:
            self.mode.up = False
            if isinstance(self.mode, HttpMode):
                self.mode.forget()
            if watcher is not None:
                watcher.cancel()
            if self.cell is not None:
                await self.cell.gone()
            self.cell = None
            await self.lines.drained()
            await _remove(group)

    async def _live(self, cell: Cell, began: float) -> str:
        """Run the program until it ends; return how."""
        if not isinstance(self.mode, HttpMode):
            self._is_ready(began)
            await cell.closed.wait()
            return "lost its walls"
        null = os.open(os.devnull, os.O_RDONLY)
        out = self.lines.descriptor
        try:
            program = cell.spawn(self.launch.command(), self.launch.environment(), (null, out, out))
        finally:
            os.close(null)
        seen = asyncio.create_task(self.launch.until_ready(self.door.contract.ready_path))
        try:
            limit = self.ground.settings.start_timeout
            both: set[asyncio.Future[Any]] = {seen, program.ended}
            await asyncio.wait(both, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if seen.done() and not program.ended.done():
                seen.result()
                self._is_ready(began)
            elif not program.ended.done():
                return f"did not become ready within {limit:g} s"
            return describe(await asyncio.shield(program.ended))
        finally:
            seen.cancel()

    def _is_ready(self, began: float) -> None:
        self.mode.up = True
        if self.state != "draining":
            self.state = "ready"
        spent = int((time.monotonic() - began) * 1000)
        if not self.first.done():
            self.first.set_result(Running(upstream_of(self.name), spent))
            self.lines.say(f"revision {self.order.id} is ready after {spent} ms")
        else:
            self.lines.say(f"started again, ready after {spent} ms")

    def _fork(self, extra: dict[str, str], fds: tuple[int, int, int]) -> Program:
        if self.cell is None:
            raise OSError(11, "the function is being started again")
        env = {**self.launch.environment(), **extra}
        return self.cell.spawn(self.launch.command(), env, fds)

    def drain(self) -> "asyncio.Task[None]":
        """Begin to end this revision; the task is done when nothing of it is left."""
        if self.drained is None:
            self.state = "draining"
            self.leaving.set()
            self.drained = asyncio.create_task(self._drain())
        return self.drained

    async def _drain(self) -> None:
        """Take no more, let what is in flight end, ask the program to end, end it."""
        self.socket.unlink(missing_ok=True)
        if self.server is not None:
            self.server.close()
        self.door.drain()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.door.idle.wait(), self.door.contract.write_timeout)
        await self._terminate()
        await self.end()

    async def _terminate(self) -> None:
        programs = list(self.cell.programs.values()) if self.cell is not None else []
        for program in programs:
            program.signal(signal.SIGTERM)
        if programs:
            await asyncio.wait({program.ended for program in programs}, timeout=TERMINATING)

    async def end(self) -> None:
        """End at once all that is left; twice is once."""
        if self.over:
            return
        self.over = True
        self.leaving.set()
        for front in list(self.door.fronts):
            front.transport.abort()
        if self.server is not None:
            self.server.close()
        self.socket.unlink(missing_ok=True)
        if self.keeper is not None:
            await self._keeper_ended(self.keeper)
        self.lines.say(f"revision {self.order.id} has ended")
        await self.lines.close()
        shutil.rmtree(self.launch.own, ignore_errors=True)
        self.ground.release(self.name)

    async def _keeper_ended(self, keeper: "asyncio.Task[None]") -> None:
        """Have the keeper clear up after the program; it may be about to by itself."""
        if self.cell is not None:
            self.cell.close()
        done, _ = await asyncio.wait({keeper}, timeout=CLEARING)
        if not done:
            keeper.cancel()
            await asyncio.wait({keeper})

    def status(self) -> Status:
        """Return what it does at the moment."""
        return Status(
            key=self.order.key,
            name=self.name,
            state=self.state,
            upstream=upstream_of(self.name),
            pid=self.cell.process.pid if self.cell is not None else 0,
            restarts=self.restarts,
            failing=self.failing,
            ended=self.ended,
            in_flight=self.door.in_flight,
            walls="" if self.bundle.mode == "static" else self.ground.walls,
        )


async def _remove(group: cgroups.Group | None) -> None:
    """Remove a control group; the kernel takes a moment to empty it."""
    if group is None:
        return
    for _ in range(50):
        group.remove()
        if not any(folder.exists() for folder in group.folders.values()):
            return
        await asyncio.sleep(0.02)
