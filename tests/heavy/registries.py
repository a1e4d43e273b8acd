"""Image registries that know a password, and that tests stop and start again."""

import contextlib
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

import pytest

from tests.heavy.programs import program, running

USER: Final = "pusher"
PASSWORD: Final = "a made-up word"
# Of that word, by bcrypt with its lowest cost, for that is what the registry takes.
_HTPASSWD: Final = f"{USER}:$2y$04$O08gm/3Esn8QQbNJkmSc9eW1urbaWe23SdRUUPUYq5MmRjErzY1cC\n"
_ADDRESS: Final = re.compile(r"listening on (127\.0\.0\.1:\d+)")


class OwnRegistry:
    """A real registry that only ``USER`` may use; its port stays when it is started again."""

    def __init__(self, folder: Path) -> None:
        """Keep everything in ``folder``; it is not running yet."""
        self.folder = folder
        self.host = ""
        self._stack = ExitStack()

    def start(self) -> None:
        """Start it and wait until it listens."""
        binary = program("docker-registry", "docker-registry")
        (self.folder / "htpasswd").write_text(_HTPASSWD)
        settings = {
            "version": "0.1",
            "storage": {
                "filesystem": {"rootdirectory": str(self.folder / "data")},
                "delete": {"enabled": True},
            },
            "http": {"addr": self.host or "127.0.0.1:0"},
            "auth": {"htpasswd": {"realm": "here", "path": str(self.folder / "htpasswd")}},
        }
        (self.folder / "config.yml").write_text(json.dumps(settings))  # JSON is YAML
        log = self.folder / "log"
        command: list[str | Path] = [binary, "serve", self.folder / "config.yml"]
        process = running(command, log, lambda: _ADDRESS.search(log.read_text()) is not None)
        self._stack.enter_context(process)
        found = _ADDRESS.search(log.read_text())
        assert found
        self.host = found[1]

    def stop(self) -> None:
        """End it; what was pushed stays."""
        self._stack.close()

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.stop()


@contextlib.contextmanager
def own_registry(folder: Path) -> Iterator[OwnRegistry]:
    """Yield a running registry of one test."""
    with OwnRegistry(folder) as registry:
        yield registry


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRegistry]:
    """Yield a registry that asks for a password, for all tests."""
    with OwnRegistry(tmp_path_factory.mktemp("guarded")) as registry:
        yield registry
