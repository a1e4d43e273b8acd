"""Child processes: none outlives its parent, none is lost, a crashed one comes back."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import structlog

from edge.cli.child import UNUSABLE
from edge.cli.home import write_private
from schemas.errors import PushlineError

log = structlog.get_logger(__name__)

GRACE: Final = 5.0  # seconds between SIGTERM and SIGKILL, unless said otherwise
STEADY: Final = 30.0  # seconds after which a child that crashes is no longer failing to start
TRIAL: Final = 1.0  # seconds that one has to live before it replaces another
FIRST_WAIT, LONGEST_WAIT = 0.1, 10.0  # seconds before a restart


def router_name(number: int) -> str:
    """Return the name of a router's process; the first is ``router``."""
    return f"router-{number + 1}" if number else "router"


def role(name: str) -> str:
    """Return what a child of this name does."""
    return "router" if name.startswith("router-") else name


class PidFile(msgspec.Struct, frozen=True):
    """A process that belongs to a home. Pids are used again: the start time tells who is meant."""

    pid: int
    started: str  # clock ticks since boot, field 22 of /proc/<pid>/stat
    name: str


def started(pid: int) -> str:
    """Return when a process started, in clock ticks since boot; empty when it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # the second field is the program's name in brackets, and may itself hold brackets and spaces
    state, *rest = stat.rpartition(")")[2].split()
    return "" if state in "ZX" else rest[18]


def record(folder: Path, pid: int, name: str) -> None:
    """Write a process's pid file; whole, for the next ``up`` must find whom to end."""
    entry = PidFile(pid, started(pid), name)
    write_private(folder / f"{name}.json", msgspec.json.encode(entry))


def forget(folder: Path, name: str) -> None:
    """Remove the pid file of a process that has ended."""
    (folder / f"{name}.json").unlink(missing_ok=True)


def end_orphans(folder: Path, *, grace: float = 2.0) -> list[PidFile]:
    """End what a killed ``up`` of this home left running; return whom."""
    orphans = []
    for file in sorted(folder.glob("*.json")):
        with contextlib.suppress(OSError, msgspec.DecodeError):
            entry = msgspec.json.decode(file.read_bytes(), type=PidFile)
            if entry.started and started(entry.pid) == entry.started:
                orphans.append(entry)
        file.unlink(missing_ok=True)
    for entry in orphans:
        _signal(entry, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while any(_alive(entry) for entry in orphans):
        if time.monotonic() > deadline:
            for entry in filter(_alive, orphans):
                _signal(entry, signal.SIGKILL)
        time.sleep(0.01)
    return orphans


def _alive(entry: PidFile) -> bool:
    return started(entry.pid) == entry.started


def _signal(entry: PidFile, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(entry.pid, number)


class Unusable(PushlineError):
    """A child said that starting it again would not help."""

    code = "child_unusable"


@dataclass(slots=True, kw_only=True)
class Child:
    """One process of ours: started, watched, started again, ended."""

    name: str
    argv: Sequence[str]
    pids: Path
    descriptors: Sequence[int] = ()
    output: int | None = None  # descriptor of both its outputs; None: our standard error
    grace: float = GRACE
    restarts: int = 0
    payload: bytes = b""
    process: asyncio.subprocess.Process | None = None
    renewed: asyncio.Event = field(default_factory=asyncio.Event)
    leaving: set[asyncio.Task[None]] = field(default_factory=set)  # that another has replaced

    @property
    def pid(self) -> int:
        """Return its process id, 0 when it does not run."""
        return self.process.pid if self.process and self.process.returncode is None else 0

    async def start(self) -> asyncio.subprocess.Process:
        """Start it, in a session of its own: Ctrl-C reaches the parent alone."""
        output = sys.stderr.fileno() if self.output is None else self.output
        self.process = process = await asyncio.create_subprocess_exec(
            *self.argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=output,
            stderr=output,
            pass_fds=tuple(self.descriptors),
            start_new_session=True,
        )
        record(self.pids, process.pid, self.name)
        return process

    async def tell(self, payload: bytes) -> None:
        """Hand over its settings, now and at each restart; it imports until they come."""
        self.payload = payload
        if self.process and (stdin := self.process.stdin):
            with contextlib.suppress(ConnectionError):  # it died already: watch() sees that
                stdin.write(payload)
                await stdin.drain()
            stdin.close()

    async def watch(self) -> None:
        """Start it again whenever it ends, later and later while it fails at once.

        Raises Unusable when that would not help. Cancel this before ``stop``.
        """
        wait = FIRST_WAIT
        while self.process is not None:
            begun, process = time.monotonic(), self.process
            code = await self._end_of(process)
            if process is not self.process:
                continue
            if code == UNUSABLE:
                raise Unusable(f"{self.name} cannot run", hint="it said why above")
            lived = time.monotonic() - begun
            wait = FIRST_WAIT if lived > STEADY else min(wait * 2, LONGEST_WAIT)
            log.error("child_ended", child=self.name, code=code, lived_s=round(lived, 1))
            await asyncio.sleep(wait)
            if process is not self.process:  # renewed meanwhile
                continue
            self.restarts += 1
            await self.start()
            await self.tell(self.payload)
            log.warning("child_restarted", child=self.name, pid=self.pid, restarts=self.restarts)

    async def _end_of(self, process: asyncio.subprocess.Process) -> int:
        """Wait until a process has ended, or another has taken its place."""
        self.renewed.clear()
        waiting = [asyncio.ensure_future(one) for one in (process.wait(), self.renewed.wait())]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()
        return process.returncode or 0

    async def renew(self) -> None:
        """Start another beside it, then let it finish what it does.

        For those who share a socket: whoever connects meanwhile is answered by either. Where the
        other ends at once, the one before stays.
        """
        if (old := self.process) is None:
            return
        new = await self.start()
        await self.tell(self.payload)
        with contextlib.suppress(TimeoutError):
            code = await asyncio.wait_for(new.wait(), TRIAL)
            self.process = old
            record(self.pids, old.pid, self.name)
            log.error("child_not_renewed", child=self.name, code=code)
            return
        self.renewed.set()
        leaving = asyncio.create_task(self._finish(old))
        self.leaving.add(leaving)
        leaving.add_done_callback(self.leaving.discard)
        log.info("child_renewed", child=self.name, pid=self.pid)

    def forewarn(self) -> None:
        """SIGUSR1: it will be stopped, and may end answers that would go on until then."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGUSR1)

    async def stop(self) -> None:
        """SIGTERM, the time it has to finish, SIGKILL."""
        if self.process is None:
            return
        await asyncio.gather(self._finish(self.process), *self.leaving)
        forget(self.pids, self.name)

    async def _finish(self, process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), self.grace)
        except TimeoutError:
            log.warning("child_killed", child=self.name, waited_s=self.grace)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
