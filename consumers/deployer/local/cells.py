"""Cells from outside: the supervisor's half of ``cell/init.py``."""

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from consumers.deployer.local.cell import confided
from consumers.deployer.local.cell.init import MESSAGE, Config
from schemas.errors import DeployFailed

# The folder that holds the package, for a cell runs without site-packages.
_ROOT: Final = Path(__file__).parents[3]
_PROGRAM: Final = (
    f"import sys; sys.path.append({str(_ROOT)!r});"
    "from consumers.deployer.local.cell.init import main; main()"
)
_READY: Final = 20.0  # seconds a cell gets to raise its walls, on a machine under load


class Program:
    """One started program; ``ended`` is its wait status."""

    def __init__(self, cell: "Cell", id: int) -> None:
        self.cell = cell
        self.id = id
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def signal(self, number: signal.Signals) -> None:
        """Signal its whole process group."""
        if not self.ended.done():
            self.cell.tell({"kill": self.id, "signal": int(number)})


class Cell:
    """The walls of one revision, and the programs within."""

    def __init__(self, process: asyncio.subprocess.Process, control: socket.socket) -> None:
        self.process = process
        self.control = control
        self.folder = -1  # the descriptor of its own folder, seen from inside
        self.found = False  # its program is on the path
        self.programs: dict[int, Program] = {}
        self.count = 0
        self.closed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._unsent: deque[tuple[bytes, list[int]]] = deque()

    def begin(self) -> None:
        """Listen to what the cell says."""
        self._loop.add_reader(self.control.fileno(), self._receive)

    def spawn(self, argv: list[str], env: dict[str, str], fds: tuple[int, int, int]) -> Program:
        """Start a program; its three descriptors may be closed afterwards."""
        self.count += 1
        program = self.programs[self.count] = Program(self, self.count)
        kept = [os.dup(fd) for fd in fds]
        self.tell({"spawn": self.count, "argv": argv, "env": env}, kept)
        return program

    def tell(self, message: dict[str, Any], fds: list[int] | None = None) -> None:
        """Send a message; waits its turn where the socket is full."""
        self._unsent.append((json.dumps(message).encode(), fds or []))
        if len(self._unsent) == 1:
            self._send()

    def _send(self) -> None:
        while self._unsent and not self.closed.is_set():
            body, fds = self._unsent[0]
            try:
                socket.send_fds(self.control, [body], fds)
            except BlockingIOError:
                self._loop.add_writer(self.control.fileno(), self._send)
                return
            except OSError:
                self.close()
                return
            self._unsent.popleft()
            for fd in fds:
                os.close(fd)
        if not self.closed.is_set():
            self._loop.remove_writer(self.control.fileno())

    def _receive(self) -> None:
        try:
            body = self.control.recv(MESSAGE)
        except BlockingIOError:
            return
        except OSError:
            body = b""
        if not body:
            self.close()
            return
        message = json.loads(body)
        program = self.programs.pop(message["ended"], None)
        if program is not None and not program.ended.done():
            program.ended.set_result(message["status"])

    def close(self) -> None:
        """End all that runs in here, at once."""
        if self.closed.is_set():
            return
        self._loop.remove_reader(self.control.fileno())
        self._loop.remove_writer(self.control.fileno())
        self.closed.set()
        self.control.close()  # which the cell takes as its end
        for fd in [fd for _, fds in self._unsent for fd in fds]:
            os.close(fd)
        self._unsent.clear()
        if self.folder >= 0:
            os.close(self.folder)
            self.folder = -1
        for program in self.programs.values():
            if not program.ended.done():
                program.ended.set_result(signal.SIGKILL)
        self.programs.clear()

    async def gone(self) -> None:
        """Close, and return when the kernel has ended everything."""
        self.close()
        try:
            await asyncio.wait_for(self.process.wait(), 5)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()


async def open_cell(
    config: Config,
    *,
    python: str,
    log: int,
    secrets: Mapping[str, bytes] = MappingProxyType({}),
) -> Cell:
    """Return a cell whose walls stand; what it prints goes to the descriptor ``log``.

    Raises DeployFailed, which says what the machine did not allow.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)  # noqa: FBT003 - its only argument
    try:
        process = await asyncio.create_subprocess_exec(
            python, "-I", "-S", "-B", "-c", _PROGRAM,
            stdin=theirs.fileno(), stdout=log, stderr=log, env={}, start_new_session=True,
        )  # fmt: skip
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    cell = Cell(process, ours)
    try:
        await asyncio.wait_for(_greet(cell, config, secrets), _READY)
    except BaseException as error:
        await cell.gone()
        if isinstance(error, TimeoutError | OSError):
            raise DeployFailed("the walls of the function did not stand in time") from error
        raise
    cell.begin()
    return cell


async def _greet(cell: Cell, config: Config, secrets: Mapping[str, bytes]) -> None:
    loop = asyncio.get_running_loop()
    memory = confided.written(secrets)
    try:  # the first message finds its socket empty: it does not wait
        socket.send_fds(cell.control, [json.dumps({"config": asdict(config)}).encode()], [memory])
    finally:
        os.close(memory)
    readable: asyncio.Future[None] = loop.create_future()
    loop.add_reader(cell.control.fileno(), _once, readable)
    try:
        await readable
    finally:
        loop.remove_reader(cell.control.fileno())
    body, fds, _, _ = socket.recv_fds(cell.control, MESSAGE, 1)
    message = json.loads(body) if body else {"failed": "the first process died; see its log"}
    if "failed" in message:
        raise DeployFailed(f"the walls of the function do not stand: {message['failed']}")
    cell.folder = fds[0]
    cell.found = bool(message["found"])


def _once(readable: "asyncio.Future[None]") -> None:
    if not readable.done():
        readable.set_result(None)


def describe(status: int) -> str:
    """Return how a program ended, in words."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(number).name}"
        return f"killed by signal {number}"
    return f"exited with code {os.waitstatus_to_exitcode(status)}"
