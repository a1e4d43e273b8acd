"""Fixtures: a client of each form of engine, and a folder to build."""

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from consumers.builder.buildkit import Client
from tests.consumers.builder.buildkit.kitchen import BASE
from tests.heavy.engines import Engine
from tests.heavy.programs import program

Folder = Callable[..., Path]


@pytest.fixture(params=["engine", "plain_engine"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    """Yield a client of an engine with containerd's snapshotter, then of one without."""
    engine: Engine = request.getfixturevalue(request.param)
    async with Client.connect(engine.url) as connected:
        yield connected


@pytest.fixture
async def pushing(engine: Engine) -> AsyncIterator[Client]:
    """Yield a client of the engine that knows every exporter."""
    async with Client.connect(engine.url) as connected:
        yield connected


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Return a maker of folders to build: a Dockerfile above busybox, and files beside it."""
    busybox = program("busybox", "busybox-static")

    def make(steps: str, **files: str) -> Path:
        made = tmp_path / "context"
        made.mkdir()
        shutil.copy(busybox, made / "busybox")
        (made / "Dockerfile").write_text(BASE + steps)
        for name, content in files.items():
            (made / name).write_text(content)
        return made

    return make
