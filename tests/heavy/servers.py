"""Pytest plugin: a Docker Engine, an image registry and a browser, the real ones.

Each starts once a session, on loopback, in folders of its own; each skips loudly when missing.
"""

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.heavy.engines import Engine, started
from tests.heavy.programs import program, running


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Yield a Docker Engine that pushes images by itself."""
    with started(snapshotter=True) as running_engine:
        yield running_engine


@pytest.fixture(scope="session")
def plain_engine() -> Iterator[Engine]:
    """Yield a Docker Engine as most are: it has no exporter of images."""
    with started(snapshotter=False) as running_engine:
        yield running_engine


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
