"""A whole Pushline in a folder of its own, as its user starts it; for e2e and chaos tests."""

import asyncio
import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import aiohttp

ROOT: Final = Path(__file__).parent.parent
PUSHLINE: Final = (sys.executable, "-m", "edge.cli.main")
PATIENCE: Final = 60.0  # seconds; a machine that runs other tests too

HELLO: Final = """\
version: 1.0
provider:
  name: openfaas
functions:
  hello:
    lang: python3-http
    handler: ./hello
    image: hello
"""


class Laptop:
    """One home, and the ``up`` that runs in it now and then."""

    def __init__(self, home: Path, environment: dict[str, str] | None = None) -> None:
        """Take a folder; nothing is started."""
        self.home = home
        self.environment = environment or {}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, port: int = 0) -> None:
        """Start ``up`` and wait until it serves."""
        with (self.home.parent / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*PUSHLINE, "up", "--home", str(self.home), "--listen", f"127.0.0.1:{port}"],
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.wait(self._serves, "up serves")

    def _serves(self) -> bool:
        assert self.process
        assert self.process.poll() is None, self.log()
        with contextlib.suppress(OSError, ValueError):
            return int(self.endpoint()["pid"]) == self.process.pid
        return False

    def log(self) -> str:
        """Return what ``up`` said, for an assertion's message."""
        return (self.home.parent / "up.log").read_text(errors="replace")[-8000:]

    def endpoint(self) -> dict[str, Any]:
        """Return the content of endpoint.json."""
        found: dict[str, Any] = json.loads((self.home / "endpoint.json").read_text())
        return found

    @property
    def port(self) -> int:
        """Return the public port."""
        return int(self.endpoint()["port"])

    def kill(self) -> None:
        """End ``up`` as a power cut of its process would: SIGKILL, no goodbye."""
        assert self.process
        self.process.kill()
        self.process.wait()
        self.wait(lambda: not self.survivors(), "no process of this home survives")

    def stop(self) -> int:
        """End ``up`` as its user would; return its exit code."""
        if not self.process or self.process.poll() is not None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def survivors(self) -> list[str]:
        """Return pid and command line of each process that works in or for this home."""
        found = []
        needle = os.fsencode(self.home)
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit() or int(folder.name) == os.getpid():
                continue
            with contextlib.suppress(OSError):
                line = (folder / "cmdline").read_bytes()
                around = (folder / "environ").read_bytes()
                place = os.fsencode((folder / "cwd").readlink())
                if needle in line or needle in around or place.startswith(needle):
                    text = line.replace(b"\0", b" ").decode(errors="replace")
                    found.append(f"{folder.name} {text}")
        return found

    def wait(self, there: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
        """Poll until ``there``; fail with what ``up`` said."""
        deadline = time.monotonic() + patience
        while not there():
            assert time.monotonic() < deadline, f"waited {patience} s for: {what}\n{self.log()}"
            time.sleep(0.02)

    def remote(self, project: str = "alice/hello") -> str:
        """Return the URL to push to."""
        token = self.endpoint()["token"]
        return f"http://pushline:{token}@127.0.0.1:{self.port}/git/{project}.git"

    def pushing(self, work: Path, project: str = "alice/hello") -> "subprocess.Popen[str]":
        """Begin a push of the folder's commit; what git says is on stdout."""
        return subprocess.Popen(
            ["git", "-C", str(work), "push", "--force", self.remote(project), "HEAD:main"],
            env=git_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def push(self, work: Path, project: str = "alice/hello") -> str:
        """Push and wait for git to end well; return what it said."""
        with self.pushing(work, project) as git:
            said = git.communicate(timeout=PATIENCE * 2)[0]
        assert git.returncode == 0, said + self.log()
        return said

    def events(self, *arguments: str) -> list[dict[str, Any]]:
        """Return ``pushline events tail --json``, whole."""
        lines = self.pushline("events", "tail", "--all", "--json", *arguments).splitlines()
        return [json.loads(line) for line in lines]

    def pushline(self, *arguments: str) -> str:
        """Run a command of the CLI against this home; return its standard output."""
        done = subprocess.run(
            [*PUSHLINE, *arguments, "--home", str(self.home)],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stdout + done.stderr + self.log()
        return done.stdout

    async def call(self, function: str, label: str = "alice", **more: Any) -> tuple[int, str]:
        """Call a function through the router by its host name."""
        method = more.pop("method", "GET")
        headers = {"Host": f"{label}.localhost:{self.port}"}
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                method, f"http://127.0.0.1:{self.port}/{function}", headers=headers, **more
            ) as answer,
        ):
            return answer.status, await answer.text()

    async def answers(self, function: str, text: str, label: str = "alice") -> None:
        """Wait until the function answers with ``text`` in its body."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        said = (0, "")
        while text not in said[1]:
            assert asyncio.get_running_loop().time() < deadline, f"{said}\n{self.log()}"
            with contextlib.suppress(aiohttp.ClientError):
                said = await self.call(function, label)
            await asyncio.sleep(0.02)

    def basic(self) -> str:
        """Return the Authorization header of our token."""
        token = self.endpoint()["token"]
        return "Basic " + base64.b64encode(f"pushline:{token}".encode()).decode()


def git_environment() -> dict[str, str]:
    """Return an environment in which git reads nobody's configuration."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "Alice",
        "GIT_AUTHOR_EMAIL": "alice@example.com",
        "GIT_COMMITTER_NAME": "Alice",
        "GIT_COMMITTER_EMAIL": "alice@example.com",
    }


def git(work: Path, *arguments: str) -> str:
    """Run git in a folder; return what it printed."""
    done = subprocess.run(
        ["git", "-C", str(work), *arguments],
        env=git_environment(),
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    return done.stdout.strip()


def repository(work: Path, files: dict[str, str], stack: str = HELLO) -> Path:
    """Make a repository with a stack.yml and one commit."""
    work.mkdir(parents=True)
    git(work, "init", "-q", "-b", "main")
    commit(work, {"stack.yml": stack, **files})
    return work


def commit(work: Path, files: dict[str, str]) -> str:
    """Write files, commit all; return the commit's id."""
    for name, text in files.items():
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(work, "add", "-A")
    git(work, "commit", "-q", "--allow-empty", "-m", "change")
    return git(work, "rev-parse", "HEAD")


def saying(text: str, start: float = 0.0, slow: str = "0") -> str:
    """Return a handler that takes ``start`` seconds to start and answers ``text``."""
    return (
        f"import time\ntime.sleep({start})\n\n\n"
        f"def handle(event, context):\n    time.sleep({slow})\n    return {text!r}\n"
    )


@contextlib.contextmanager
def laptop(folder: Path, environment: dict[str, str] | None = None) -> Iterator[Laptop]:
    """Start a Pushline in a new home under ``folder``; at the end nothing of it is left."""
    here = Laptop(folder / "home", environment)
    try:
        here.start()
        yield here
    finally:
        code = here.stop()
    assert code == 0, here.log()
    assert not here.survivors()
