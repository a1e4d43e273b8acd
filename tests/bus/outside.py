"""A nats-server that is not ours: a configuration of the test's, killed and started again."""

import socket
import subprocess
import time
from pathlib import Path
from typing import Final

from bus.server import find_binary

PATIENCE: Final = 20.0  # seconds to listen


class Outside:
    """One server; ``{port}`` and ``{store}`` of its configuration are filled in."""

    def __init__(self, folder: Path, configuration: str, port: int = 0) -> None:
        """Choose a port and write the configuration."""
        self.port = port or free_port()
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        filled = configuration.replace("{port}", str(self.port))
        (folder / "nats.conf").write_text(filled.replace("{store}", str(folder / "store")))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and return when it listens."""
        log = self._folder / "log"
        configuration = self._folder / "nats.conf"
        self._process = subprocess.Popen([find_binary(), "-c", configuration, "-l", log])
        deadline = time.monotonic() + PATIENCE
        while not listens(self.port):
            assert self._process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.005)

    def kill(self) -> None:
        """End it at once, as a crash would; harmless when it does not run."""
        if self._process is not None:
            self._process.kill()  # this very process, by its pid
            self._process.wait()
            self._process = None


def listens(port: int) -> bool:
    """Tell whether somebody takes connections at a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """Return a port that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
