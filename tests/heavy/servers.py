"""Pytest plugin: a Docker Engine, an image registry and a browser, the real ones.

Each starts once a session, on loopback, in folders of its own; each skips loudly when missing.
"""

import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.heavy.programs import CURE, engine_root, program, running

BRIDGE = Path("/sys/class/net/docker0")


@dataclass(frozen=True)
class Engine:
    """A running Docker Engine."""

    socket: Path

    def get(self, path: str) -> tuple[int, bytes]:
        """Return status and body of one request of the Engine API."""
        connection = http.client.HTTPConnection("engine", timeout=10)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with contextlib.closing(connection):
            connection.sock.settimeout(10)
            connection.sock.connect(str(self.socket))
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def ready(self) -> bool:
        """Tell whether the engine answers."""
        try:
            return self.get("/_ping") == (200, b"OK")
        except OSError:
            return False


def engine_settings(folder: Path) -> dict[str, object]:
    """Return a daemon.json that keeps to ``folder`` and leaves the firewall alone."""
    firewall = dict.fromkeys(("iptables", "ip6tables", "ip-forward", "ip-masq"), False)
    return firewall | {
        "data-root": str(folder / "data"),
        "exec-root": str(folder / "exec"),
        "pidfile": str(folder / "pid"),
        "hosts": [f"unix://{folder}/docker.sock"],
        "storage-driver": "overlay2",
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "insecure-registries": ["127.0.0.0/8"],
        "ip": "127.0.0.1",
        "features": {"buildkit": True, "containerd-snapshotter": True},
    }


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Yield a Docker Engine of our own."""
    if os.geteuid() != 0:
        pytest.skip("a Docker Engine is started by root only: run tests/run as root")
    unpacked = engine_root()
    path = f"{unpacked}/sbin:{unpacked}/bin:{os.environ['PATH']}:/usr/sbin:/sbin"
    dockerd = shutil.which("dockerd", path=path)
    if dockerd is None:
        pytest.skip(f"no Docker Engine: {CURE}")
    program("runc", "runc", path=path)
    bridged = BRIDGE.exists()
    # A short path: containerd's socket lies some folders below, and a socket's path has 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="pushline-engine-"))
    (folder / "daemon.json").write_text(json.dumps(engine_settings(folder)))
    command: list[str | Path] = [dockerd, "--config-file", folder / "daemon.json"]
    engine = Engine(folder / "docker.sock")
    try:
        environment = os.environ | {"PATH": path}
        with running(command, folder / "log", engine.ready, environment=environment):
            yield engine
    finally:
        if BRIDGE.exists() and not bridged:
            subprocess.run(["ip", "link", "del", "docker0"], env={"PATH": path}, check=False)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield host:port of an image registry that takes pushes and deletions from anybody."""
    binary = program("docker-registry", "docker-registry")
    folder = tmp_path_factory.mktemp("registry")
    settings = {
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": str(folder)}, "delete": {"enabled": True}},
        "http": {"addr": "127.0.0.1:0"},
    }
    (folder / "config.yml").write_text(json.dumps(settings))  # JSON is YAML
    log = folder / "log"
    address = re.compile(r"listening on (127\.0\.0\.1:\d+)")
    with running(
        [binary, "serve", folder / "config.yml"],
        log,
        lambda: address.search(log.read_text()) is not None,
    ):
        found = address.search(log.read_text())
        assert found
        yield found[1]


@dataclass(frozen=True)
class Browser:
    """A headless Chromium; each page is opened with a profile of its own."""

    binary: Path

    def dom(self, url: str) -> str:
        """Return the page's DOM after its scripts have run."""
        return self.run("--dump-dom", url)

    def screenshot(self, url: str, picture: Path) -> None:
        """Write what the page looks like as a PNG."""
        self.run(f"--screenshot={picture}", url)

    def run(self, *arguments: str) -> str:
        """Start the browser once and return what it printed."""
        off = (
            "background-networking",
            "component-update",
            "sync",
            "quic",
            "gpu",
            "dev-shm-usage",
        )
        with tempfile.TemporaryDirectory(prefix="pushline-browser-") as profile:
            done = subprocess.run(
                [
                    self.binary,
                    "--headless",
                    "--no-sandbox",  # root may not have one
                    "--no-first-run",
                    f"--user-data-dir={profile}",
                    *(f"--disable-{part}" for part in off),
                    *arguments,
                ],
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            )
        return done.stdout


@pytest.fixture(scope="session")
def browser() -> Browser:
    """Return a real browser."""
    return Browser(program("chromium", "chromium"))
