"""What it takes to start one revision's program and to reach it."""

import asyncio
import hashlib
import re
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from consumers.deployer.local import cgroups
from consumers.deployer.local.cell.confided import place_of
from consumers.deployer.local.cell.init import PATH, Config
from consumers.deployer.local.cells import Cell
from consumers.deployer.local.control import name_of
from consumers.deployer.local.ground import Ground
from consumers.deployer.local.settings import MIB
from consumers.deployer.local.watchdog.contract import cores, size
from consumers.deployer.platform import Revision
from schemas.bundle import Bundle
from schemas.errors import DeployFailed

SOCKET: Final = "http.sock"  # in the revision's own folder
POLL: Final = 0.005  # seconds between two looks for the first sign of readiness
LEAST_MEMORY: Final = 16 * MIB  # what the cell itself and a small program need
HEADROOM: Final = 512 * MIB  # of address space over the memory, where no control group counts


class Launch:
    """The parts of a revision that do not change from one start to the next."""

    def __init__(
        self, order: Revision, bundle: Bundle, ground: Ground, secrets: Mapping[str, bytes]
    ) -> None:
        """Read the limits; raises DeployFailed for one that is no size."""
        self.order = order
        self.secrets = secrets
        self.bundle = bundle
        self.ground = ground
        self.name = name_of(order.key)
        self.folder = folder_of(ground.settings.home, order.image)
        limits = ground.settings.limits
        self.memory = max(size(order.spec.limits.memory, limits.memory), LEAST_MEMORY)
        self.cores = cores(order.spec.limits.cpu)
        self.cell: Cell | None = None
        self.own = ""  # its own folder
        self.port = 0  # where a program listens that does not know Unix sockets

    def group(self) -> cgroups.Group | None:
        """Make the control group of one life; what its folder holds is memory too."""
        limits = self.ground.settings.limits
        name = f"{group_prefix(self.ground.settings.home)}{self.name}"
        in_memory = limits.disk if self.ground.walls in ("root", "user") else 0
        return cgroups.make(
            name, memory=self.memory + in_memory, processes=limits.processes, cpu=self.cores
        )

    def walls(self, group: cgroups.Group | None) -> Config:
        """Return the walls of one life."""
        if self.bundle.upstream == "tcp" and self.bundle.mode == "http":
            self.port = self._fixed_port() or _free_port()
        config = self.ground.config(
            self.name,
            bundle=str(self.folder),
            program=self.command()[0],
            data=0 if group is not None else self.memory + HEADROOM,
            cgroups=tuple(group.joins) if group is not None else (),
        )
        self.own = config.folder
        return config

    def command(self) -> list[str]:
        """Return the program and its arguments; the stack's own words go before the bundle's."""
        asked = self.order.spec.fprocess or self._variable("fprocess", "function_process")
        words = asked.split() if asked else list(self.bundle.command)
        if not words:
            raise DeployFailed("no program is named", hint="write fprocess in stack.yml")
        places = {"{python}": self.ground.python, "{node}": self.ground.node}
        if "{node}" in words and not self.ground.node:
            raise DeployFailed("Node is not installed on this machine", hint="install nodejs")
        return [places.get(word, word).replace("{port}", str(self.port)) for word in words]

    def environment(self) -> dict[str, str]:
        """Return the whole environment of a program: nothing of Pushline's own is in it."""
        own = {
            "PATH": f"{self.folder}:{PATH}",
            "HOME": self.own,
            "TMPDIR": self.own,
            "LANG": "C.UTF-8",
            **self.bundle.environment,
            **self.order.spec.environment,
        }
        if self.secrets:
            own["PUSHLINE_SECRETS"] = place_of(self.ground.walls, self.own)
        if self.bundle.mode == "http":
            own["PUSHLINE_SOCKET"] = f"{self.own}/{SOCKET}"
            if self.port:
                own.setdefault("PORT", str(self.port))
        return own

    def _variable(self, *names: str) -> str:
        known = {**self.bundle.environment, **self.order.spec.environment}
        return next((known[name] for name in names if known.get(name)), "")

    def _fixed_port(self) -> int:
        """Return the port of of-watchdog's upstream_url, where a program insists on one."""
        found = re.search(r":(\d+)/?$", self._variable("upstream_url", "http_upstream_url"))
        return int(found[1]) if found else 0

    async def dial(self, protocol: Callable[[], asyncio.Protocol]) -> object:
        """Connect to the program; raises OSError."""
        loop = asyncio.get_running_loop()
        if self.port:
            return await loop.create_connection(protocol, "127.0.0.1", self.port)
        if self.cell is None or self.cell.folder < 0:
            raise ConnectionRefusedError(111, "the function is being started again")
        # Its folder may exist in its own mount namespace only: by descriptor it is reached.
        path = f"/proc/self/fd/{self.cell.folder}/{SOCKET}"
        return await loop.create_unix_connection(protocol, path)

    async def until_ready(self, path: str) -> None:
        """Return when the program accepts a connection, or answers ``path`` with success."""
        while not await self._answers(path):  # noqa: ASYNC110 - a program cannot tell us
            await asyncio.sleep(POLL)

    async def _answers(self, path: str) -> bool:
        reader = asyncio.StreamReader()
        try:
            connected = await self.dial(lambda: asyncio.StreamReaderProtocol(reader))
        except OSError:
            return False
        assert isinstance(connected, tuple)  # noqa: S101 - a transport and its protocol
        transport = connected[0]
        try:
            if not path:
                return True
            head = f"GET {path} HTTP/1.1\r\nHost: function\r\nConnection: close\r\n\r\n"
            transport.write(head.encode())
            words = (await asyncio.wait_for(reader.readline(), 2)).split()
            return len(words) > 1 and words[1][:1] in (b"2", b"3")
        except (OSError, TimeoutError):
            return False
        finally:
            transport.close()


def folder_of(home: Path, image: str) -> Path:
    """Return where the bundle with this digest lies."""
    return home / "bundles" / image.removeprefix("sha256:")


def group_prefix(home: Path) -> str:
    """Return how the names of this home's control groups begin."""
    return hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:8] + "-"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
