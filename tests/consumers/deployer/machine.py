"""A machine for tests: a supervisor process of its own, and bundles written by hand."""

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import aiohttp
import msgspec

from consumers.deployer.local.client import LocalPlatform
from consumers.deployer.local.control import Status, name_of
from consumers.deployer.local.settings import SupervisorSettings
from consumers.deployer.platform import Revision
from schemas.bundle import FILE, Bundle
from schemas.errors import PlatformUnavailable
from schemas.repository import Repository
from schemas.stack_spec import FunctionSpec

DEADLINE: Final = 20.0  # seconds, on a machine that does much else
PROGRAM: Final = (
    "import sys, msgspec\n"
    "from consumers.deployer.local.supervisor import run\n"
    "from consumers.deployer.local.settings import SupervisorSettings\n"
    "run(msgspec.json.decode(sys.argv[1], type=SupervisorSettings,\n"
    "    dec_hook=lambda kind, value: kind(value)))\n"
)
ROOT: Final = Path(__file__).parents[3]
SERVER: Final = Path(__file__).with_name("function.py").read_text()
HTTP: Final = Bundle(language="test", mode="http", command=("{python}", "function.py"))
FIELDS: Final = frozenset(Revision.__struct_fields__)
T = TypeVar("T")


async def until(probe: Callable[[], Awaitable[T]], seconds: float = DEADLINE) -> T:
    """Return the first true answer of ``probe``; fails after the deadline."""
    end = time.monotonic() + seconds
    while not (found := await probe()):
        assert time.monotonic() < end, f"not seen within {seconds} s"
        await asyncio.sleep(0.02)
    return found


def _encoded(settings: SupervisorSettings) -> str:
    return msgspec.json.encode(settings, enc_hook=str).decode()


def revision_of(id: str = "abcdef0-1", **fields: Any) -> Revision:
    """Return a revision of alice's function hello; what is no field of it is one of its spec."""
    names = {"variables": "environment"}
    spec = {names.get(name, name): value for name, value in fields.items() if name not in FIELDS}
    known = {
        "forge": "local",
        "project": "alice/hello",
        "environment": "production",
        "function": "hello",
        "generation": 1,
        "image": "sha256:" + "1" * 64,
        "label": "alice",
        "sha": "abcdef0" + "0" * 33,
        "branch": "main",
        "repository": Repository("alice", "hello", "main"),
    }
    given = {name: value for name, value in fields.items() if name in FIELDS}
    made = FunctionSpec(**{"name": "hello", "language": "exec", "handler": "hello", **spec})
    return Revision(**{"id": id, "spec": made, **known, **given})


class Machine:
    """A home, its supervisor, and a client of both."""

    def __init__(self, settings: SupervisorSettings) -> None:
        self.settings = settings
        self.platform = LocalPlatform(settings.socket)
        self.process: subprocess.Popen[bytes] | None = None
        self.log = settings.home / "supervisor.log"

    async def start(self) -> None:
        """Start the supervisor and wait until it answers."""
        command = [sys.executable, "-c", PROGRAM, _encoded(self.settings)]
        self._spawn(command)
        await until(self._answers)

    def _spawn(self, command: list[str]) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    async def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            await self.platform.statuses()
        except PlatformUnavailable:
            return False
        return True

    def kill(self) -> None:
        """End the supervisor as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End the supervisor as ``up`` does."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    async def clear(self) -> None:
        """Retire all that runs, and wait until nothing of it is left."""
        for one in await self.platform.statuses():
            await self.platform.retire(one.key)
        await until(self._cleared)

    async def _cleared(self) -> bool:
        return not await self.platform.statuses() and not self.alive()

    def bundle(self, how: Bundle = HTTP, files: Mapping[str, str] | None = None) -> str:
        """Write a bundle and return its digest."""
        files = {"function.py": SERVER} if files is None else files
        content = json.dumps([msgspec.to_builtins(how), dict(files)]).encode()
        hex = hashlib.sha256(content).hexdigest()
        folder = self.settings.home / "bundles" / hex
        for name, text in {**files, FILE: msgspec.json.encode(how).decode()}.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(0o755)
        for place in (folder, *folder.rglob("*")):
            place.chmod(0o755)
        return f"sha256:{hex}"

    def revision(self, id: str = "abcdef0-1", image: str = "", **fields: Any) -> Revision:
        """Return a revision of alice's function hello."""
        return revision_of(id, image=image or self.bundle(), **fields)

    def socket(self, revision: Revision) -> Path:
        """Return where its watchdog listens."""
        return self.settings.run / f"fn-{name_of(revision.key)}.sock"

    def session(self, revision: Revision) -> aiohttp.ClientSession:
        """Return a client of its watchdog."""
        connector = aiohttp.UnixConnector(str(self.socket(revision)), limit=0)
        return aiohttp.ClientSession("http://hello.localhost", connector=connector)

    async def ask(self, revision: Revision, what: str, /, **query: str) -> Any:
        """Return the JSON that the function answers."""
        async with self.session(revision) as client, client.get(what, params=query) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def status(self, revision: Revision) -> Status:
        """Return what the supervisor says of a revision."""
        found = [one for one in await self.platform.statuses() if one.key == revision.key]
        assert found, f"{revision.key} is not known"
        return found[0]

    async def printed(self, text: str) -> str:
        """Wait for a line in the runtime logs; return it."""

        async def look() -> str:
            lines = self.log.read_text(errors="replace").splitlines()
            return next((line for line in lines if text in line), "")

        return await until(look)

    async def empty(self) -> bool:
        """Tell whether no function runs any more."""
        return not self.alive()

    async def busy(self) -> bool:
        """Tell whether any function runs."""
        return bool(self.alive())

    def alive(self) -> list[int]:
        """Return the processes whose environment names this home: functions and their children."""
        mark = os.fsencode(self.settings.home)
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    environ = (entry / "environ").read_bytes()
                except OSError:
                    continue
                if b"HOME=" + mark in environ:
                    found.append(int(entry.name))
        return found
