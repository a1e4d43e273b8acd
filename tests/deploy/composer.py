"""The real compose, on an engine of the tests."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.apart import free_port
from tests.deploy.composed import DEPLOY
from tests.heavy.engines import Engine
from tests.heavy.programs import program, unpacked

FILES = ("compose.yaml", "nats.conf", "registry.yml", "buildkitd.toml", "secrets")
PATIENCE = 300.0  # seconds for one command


def find() -> Path:
    """Return the program, or skip with the way to get it."""
    plugin = unpacked("compose") / "libexec" / "docker" / "cli-plugins" / "docker-compose"
    return program("docker-compose", "docker-compose", path=f"{plugin.parent}:/usr/bin")


@dataclass(frozen=True)
class Composed:
    """One installation."""

    folder: Path  # a copy of deploy/, with secrets
    engine: Engine
    port: int  # of the router, on this machine
    program: Path

    @classmethod
    def made(cls, folder: Path, engine: Engine) -> Self:
        """Copy the files that compose reads, and make the secrets; nothing is started."""
        found = cls(folder, engine, free_port(), find())
        folder.mkdir()
        for name in FILES:
            shutil.copy(DEPLOY / name, folder)
        subprocess.run([folder / "secrets"], check=True, capture_output=True)
        return found

    def __call__(self, *arguments: str, check: bool = True) -> str:
        """Run a command of compose; return its standard output."""
        done = subprocess.run(
            [self.program, "-f", self.folder / "compose.yaml", *arguments],
            env=os.environ
            | {
                "DOCKER_HOST": f"unix://{self.engine.socket}",
                "PUSHLINE_IMAGE": "pushline:test",
                "PUSHLINE_PUBLISH": f"127.0.0.1:{self.port}",
                "PUSHLINE_PUBLIC_URL": f"http://localhost:{self.port}",
            },
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0 or not check, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def events(self) -> str:
        """Return what an operator sees of the log."""
        return self("run", "--rm", "operator", "events", "tail", "--all")
