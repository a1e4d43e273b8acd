"""A Docker Engine of our own, in either form, that leaves nothing behind."""

import contextlib
import http.client
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.heavy.programs import CURE, engine_root, program, running


@dataclass(frozen=True)
class Engine:
    """A running Docker Engine."""

    socket: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Return its address as the BuildKit client writes it."""
        return f"docker://{self.socket}"

    def get(self, path: str) -> tuple[int, bytes]:
        """Return status and body of one request of the Engine API."""
        return ask(self.socket, path)


def ask(engine: Path, path: str) -> tuple[int, bytes]:
    """Return status and body of one GET over an engine's socket."""
    connection = http.client.HTTPConnection("engine", timeout=10)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with contextlib.closing(connection):
        connection.sock.settimeout(10)
        connection.sock.connect(str(engine))
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()


def ready(engine: Path) -> bool:
    """Tell whether the engine answers."""
    try:
        return ask(engine, "/_ping") == (200, b"OK")
    except OSError:
        return False


def engine_settings(folder: Path, bridge: str, *, snapshotter: bool) -> dict[str, object]:
    """Return a daemon.json that keeps to ``folder`` and leaves the firewall alone."""
    firewall = dict.fromkeys(("iptables", "ip6tables", "ip-forward", "ip-masq"), False)
    return firewall | {
        "data-root": str(folder / "data"),
        "exec-root": str(folder / "exec"),
        "pidfile": str(folder / "pid"),
        "hosts": [f"unix://{folder}/docker.sock"],
        # containerd's snapshotter and Docker's own driver have different names for one thing.
        "storage-driver": "overlayfs" if snapshotter else "overlay2",
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "insecure-registries": ["127.0.0.0/8"],
        "ip": "127.0.0.1",
        "bridge": bridge,
        "features": {"buildkit": True, "containerd-snapshotter": snapshotter},
    }


@contextlib.contextmanager
def started(*, snapshotter: bool) -> Iterator[Engine]:
    """Start an engine; several may run at once. Skips where it cannot be had.

    With the snapshotter it pushes images by itself; without, it knows the exporters moby, local
    and tar alone.
    """
    if os.geteuid() != 0:
        pytest.skip("a Docker Engine is started by root only: run tests/run as root")
    unpacked = engine_root()
    path = f"{unpacked}/sbin:{unpacked}/bin:{os.environ['PATH']}:/usr/sbin:/sbin"
    dockerd = shutil.which("dockerd", path=path)
    if dockerd is None:
        pytest.skip(f"no Docker Engine: {CURE}")
    program("runc", "runc", path=path)
    ip = program("ip", "iproute2", path=path)
    # A short path: containerd's socket lies some folders below, and a socket's path has 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="pushline-engine-"))
    try:
        with bridge(ip) as name:
            settings = engine_settings(folder, name, snapshotter=snapshotter)
            (folder / "daemon.json").write_text(json.dumps(settings))
            sock = folder / "docker.sock"
            with running(
                [dockerd, "--config-file", folder / "daemon.json"],
                folder / "log",
                lambda: ready(sock),
                environment=os.environ | {"PATH": path},
            ) as process:
                yield Engine(sock, process)
    finally:
        unmount(folder)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def bridge(ip: Path) -> Iterator[str]:
    """Yield the name of a bridge of this engine alone: docker0 is somebody else's."""
    name = f"pushline{secrets.token_hex(3)}"  # 15 characters at most
    network = f"10.{secrets.randbelow(100) + 100}.{secrets.randbelow(256)}.1/24"
    subprocess.run([ip, "link", "add", name, "type", "bridge"], check=True)
    try:
        subprocess.run([ip, "addr", "add", network, "dev", name], check=True)
        subprocess.run([ip, "link", "set", name, "up"], check=True)
        yield name
    finally:
        subprocess.run([ip, "link", "del", name], check=False)


def unmount(folder: Path) -> None:
    """Let go of what an engine that was killed left mounted."""
    points = re.findall(rf" ({re.escape(str(folder))}/\S+) ", Path("/proc/mounts").read_text())
    for point in reversed(points):
        subprocess.run(["umount", "-l", point], check=False)
