"""Pushline as processes apart, for tests: a log's server of deploy/nats.conf, and each role."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bus.server import find_binary
from bus.settings import BusSettings
from tests.laptop import PATIENCE, PUSHLINE, ROOT, git_environment

TOKEN: Final = "the-token-of-all"


@dataclass
class LogServer:
    """A nats-server that runs deploy/nats.conf, on a port of its choice."""

    folder: Path
    process: "subprocess.Popen[bytes]"
    url: str = ""

    def password(self, role: str) -> str:
        """Return a role's password."""
        return (self.folder / f"nats_{role}").read_text()

    def settings(self, role: str, home: Path) -> BusSettings:
        """Return what this role connects with."""
        return BusSettings(
            nats_url=self.url, user=role, password=self.password(role), home=home, log_bytes=1 << 30
        )


@contextlib.contextmanager
def log_server(folder: Path) -> Iterator[LogServer]:
    """Start a server of the very file that is shipped, with passwords of deploy/secrets."""
    subprocess.run([ROOT / "deploy" / "secrets", folder], check=True, capture_output=True)
    text = (ROOT / "deploy" / "nats.conf").read_text()
    for shipped, here in {
        '"/data"': f'"{folder}/store"',
        '"0.0.0.0:4222"': '"127.0.0.1:-1"',
        '"127.0.0.1:8222"': '"127.0.0.1:-1"',
    }.items():
        assert text.count(shipped) == 1, shipped
        text = text.replace(shipped, here)
    (folder / "nats.conf").write_text(text)
    command = [str(find_binary()), "-c", f"{folder}/nats.conf", "--ports_file_dir", str(folder)]
    with (folder / "nats.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        ports = folder / f"nats-server_{process.pid}.ports"
        deadline = time.monotonic() + PATIENCE
        while not ports.exists() or not ports.read_text().endswith("}"):
            said = (folder / "nats.log").read_text()
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.01)
        port = json.loads(ports.read_text())["nats"][0].rpartition(":")[2]
        yield LogServer(folder, process, f"nats://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(PATIENCE)


@dataclass
class Apart:
    """The processes of one test; each says what it says into a file of its own."""

    folder: Path
    server: LogServer
    more: dict[str, str] = field(default_factory=dict)
    port: int = 0  # of the router
    started: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def environment(self, role: str, home: str) -> dict[str, str]:
        """Return what a process of this role is told; each has a home of its own."""
        return {
            "PATH": os.environ["PATH"],
            "PUSHLINE_HOME": str(self.folder / "homes" / home),
            "PUSHLINE_KEYS_FOLDER": str(self.folder / "keys"),
            "PUSHLINE_LISTEN": f"127.0.0.1:{self.port}",
            "PUSHLINE_BUILDER": "buildkit",
            "PUSHLINE_PLATFORM": "openfaas",
            "PUSHLINE_BLOBS_FOLDER": str(self.folder / "blobs"),
            "PUSHLINE_NATS_URL": self.server.url,
            "PUSHLINE_NATS_PASSWORD_FILE": str(self.server.folder / f"nats_{role}"),
            "PUSHLINE_LOG_ROOM": "1",
            "PUSHLINE_EDGE_LISTEN": f"unix:{self.folder}/edge.sock",
            "PUSHLINE_EDGE_ADDRESS": f"unix:{self.folder}/edge.sock",
            "PUSHLINE_TOKEN": TOKEN,
            "PUSHLINE_LOG_FORMAT": "json",
            **self.more,
        }

    def run(
        self, role: str, *arguments: str, home: str = "tools", **more: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command that ends by itself."""
        return subprocess.run(
            [*PUSHLINE, *arguments],
            cwd=ROOT,
            env=self.environment(role, home) | more,
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    def start(self, name: str, *arguments: str, role: str = "platform", **more: str) -> None:
        """Start a process that stays."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.started[name] = subprocess.Popen(
                [*PUSHLINE, *arguments],
                cwd=ROOT,
                env=self.environment(role, name) | more,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def consume(self, *names: str, **more: str) -> None:
        """Start one process of these consumers."""
        self.start("+".join(names), "consumer", *names, **more)

    def said(self, name: str) -> str:
        """Return what a process has said, of all its starts."""
        return (self.folder / f"{name}.log").read_text()

    def kill(self, name: str) -> None:
        """End a process without a goodbye."""
        process = self.started.pop(name)
        process.kill()
        process.wait()

    def stop(self, name: str) -> int:
        """End a process as its orchestrator would; return its exit code."""
        process = self.started.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(PATIENCE)

    def wait(self, there: Callable[[], object], what: str) -> None:
        """Poll until ``there``; fail with what all processes said."""
        deadline = time.monotonic() + PATIENCE
        while not there():
            said = "\n".join(f"{name}:\n{self.said(name)[-2000:]}" for name in self.started)
            assert time.monotonic() < deadline, f"waited {PATIENCE} s for: {what}\n{said}"
            time.sleep(0.05)

    def pushing(self, work: Path, project: str = "alice/hello") -> "subprocess.Popen[str]":
        """Begin a push through the router; what git says is on stdout."""
        url = f"http://pushline:{TOKEN}@127.0.0.1:{self.port}/git/{project}.git"
        return subprocess.Popen(
            ["git", "-C", str(work), "push", "--force", url, "HEAD:main"],
            env=git_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def facts(self) -> list[dict[str, Any]]:
        """Return all events, as the operator's command has them."""
        done = self.run("operator", "events", "tail", "--all", "--json")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def tags(self) -> list[str]:
        """Return the name of each event: ``run.queued``."""
        return [event["type"].partition("/")[0] for event in self.facts()]


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@contextlib.contextmanager
def apart(folder: Path, more: dict[str, str] | None = None) -> Iterator[Apart]:
    """Yield an installation of a log alone; at the end nothing of it runs."""
    with log_server(folder / "nats") as server:
        found = Apart(folder, server, more or {}, free_port())
        try:
            yield found
        finally:
            for name in list(found.started):
                found.kill(name)
