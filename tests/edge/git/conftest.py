"""The forge on a real port, and git itself to speak with it."""

import asyncio
import base64
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvicorn

from bus.connection import Bus
from edge.auth.people import PLATFORM
from edge.git import pktline
from edge.git.forge import GitForge, GitSettings
from edge.git.narrate import Patience
from tests.edge.auth.entering import by_password

TOKEN = "letmein"
GIT_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Alice",
    "GIT_AUTHOR_EMAIL": "alice@example.invalid",
    "GIT_COMMITTER_NAME": "Alice",
    "GIT_COMMITTER_EMAIL": "alice@example.invalid",
    "LC_ALL": "C.UTF-8",
    "PATH": os.environ["PATH"],
}
STACK = """provider:
  name: openfaas
functions:
  hello:
    lang: python3-http
    handler: ./hello
"""
# Nobody plays the planner in most tests: not long is waited for it.
BRISK = GitSettings(patience=Patience(queued=0.3, unsure=0.1, silence=15, whole=60))


def url(label: str, environment: str, function: str) -> str:
    """Say where a function answers."""
    prefix = "" if environment == "production" else f"{environment}--"
    return f"http://{prefix}{label}.localhost:8080/{function}"


@dataclass
class Result:
    """What a git command said."""

    code: int
    output: str

    @property
    def remote(self) -> list[str]:
        """Return the lines that came from the forge."""
        lines = (line.rstrip() for line in self.output.replace("\r", "\n").splitlines())
        return [line.removeprefix("remote: ") for line in lines if line.startswith("remote: ")]


@dataclass
class Clone:
    """A working copy with git in it."""

    path: Path
    environment: dict[str, str] = field(default_factory=lambda: dict(GIT_ENVIRONMENT))

    async def start(self, *args: str) -> asyncio.subprocess.Process:
        """Start git as the leader of its process group; the caller waits for it."""
        return await asyncio.create_subprocess_exec(
            "git",
            *args,
            cwd=self.path,
            env=self.environment | {"HOME": str(self.path)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )

    async def git(self, *args: str, code: int | None = 0) -> Result:
        """Run git to its end; ``code`` is what it has to exit with, None for anything."""
        process = await self.start(*args)
        try:
            output, _ = await asyncio.wait_for(process.communicate(), 60)
        finally:
            if process.returncode is None:
                process.kill()
        assert process.returncode is not None
        result = Result(process.returncode, output.decode())
        assert code is None or result.code == code, result.output
        return result

    async def commit(self, message: str = "change", **files: str | bytes) -> str:
        """Write files (``__`` in a name is a slash, ``_yml`` a suffix), commit, return the id."""
        for name, content in files.items():
            path = self.path / name.replace("__", "/").replace("_yml", ".yml")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        await self.git("add", "-A")
        await self.git("commit", "-q", "--allow-empty", "-m", message)
        return (await self.git("rev-parse", "HEAD")).output.strip()


@dataclass
class Served:
    """A forge that answers on a port of the loopback interface."""

    forge: GitForge
    root: Path
    port: int
    folder: Path

    def remote(self, name: str = "alice/hello", *, token: str = TOKEN) -> str:
        """Return a repository's URL."""
        return f"http://alice:{token}@127.0.0.1:{self.port}/git/{name}.git"

    async def post(
        self, body: Any, *, name: str = "alice/hello", service: str = "receive-pack", **headers: str
    ) -> tuple[int, bytes]:
        """Send a request as no git would; return status and body of the answer."""
        token = base64.b64encode(f"alice:{TOKEN}".encode()).decode()
        url = f"http://127.0.0.1:{self.port}/git/{name}.git/git-{service}"
        head = {
            "authorization": f"Basic {token}",
            "content-type": f"application/x-git-{service}-request",
            **{key.replace("_", "-"): value for key, value in headers.items()},
        }
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.post(url, data=body, headers=head) as answer,
        ):
            return answer.status, await answer.read()

    def path(self, name: str = "alice/hello") -> Path:
        """Return a repository's folder at the forge."""
        return self.root / f"{name}.git"

    async def clone(self, name: str = "work", *, remote: str = "alice/hello") -> Clone:
        """Return a new, empty working copy on main with the forge as origin."""
        path = self.folder / name
        path.mkdir()
        clone = Clone(path)
        await clone.git("init", "-q", "-b", "main")
        await clone.git("remote", "add", "origin", self.remote(remote))
        return clone

    async def heads(self, name: str = "alice/hello") -> dict[str, str]:
        """Return the refs at the forge, read by git itself."""
        listed = await Clone(self.folder).git("ls-remote", self.remote(name), code=None)
        assert listed.code == 0 or "first push makes it" in listed.output, listed.output
        pairs = (line.split("\t") for line in listed.output.splitlines() if "\t" in line)
        return {ref: sha for sha, ref in pairs}


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[int]:
    """Serve an ASGI application as the platform does; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app, lifespan="off", log_level="warning", http="httptools")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield int(listening.getsockname()[1])
        finally:
            server.should_exit = server.force_exit = True
            await task


def update(old: str, new: str, ref: str = "refs/heads/main", wishes: str = "") -> bytes:
    """Return the head of a push of one ref."""
    wishes = wishes or "report-status side-band-64k"
    return pktline.line(f"{old} {new} {ref}\0{wishes}".encode()) + pktline.FLUSH


async def eventually(true: Callable[[], bool], within: float = 20) -> None:
    """Return when ``true()`` is; fail after a while."""
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110 - files and other processes set no event
            await asyncio.sleep(0.01)


@pytest.fixture
def serve(bus: Bus, tmp_path: Path) -> Callable[..., Any]:
    """Return a context manager that serves a forge with the settings given."""

    @asynccontextmanager
    async def start(settings: GitSettings = BRISK, **more: Any) -> AsyncIterator[Served]:
        root = tmp_path / "git"
        parts: dict[str, Any] = {
            "deliveries": bus.deliveries,
            "events": bus.log,
            "follow": bus.follow.events,
            "enter": by_password({TOKEN: PLATFORM}),
            "url": url,
            "settings": settings,
        }
        forge = GitForge(root, **parts | more)
        async with serving(forge) as port:
            try:
                yield Served(forge, root, port, tmp_path)
            finally:
                await forge.close()

    return start


@pytest.fixture
async def served(serve: Callable[..., Any]) -> AsyncIterator[Served]:
    """Yield a forge with brisk settings."""
    async with serve() as running:
        yield running
