"""Fixtures of a machine that runs functions."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bus.connection import Bus
from consumers.deployer.local.settings import Limits, SupervisorSettings
from tests.consumers.deployer.machine import Machine
from tests.consumers.deployer.story import Story


def made(home: Path) -> Machine:
    """Return a machine in this folder, which is short, for sockets lie in it."""
    (home / "run").mkdir()
    limits = Limits(memory=96 * 2**20, disk=8 * 2**20, processes=24)
    return Machine(
        SupervisorSettings(home=home, run=home / "run", limits=limits, start_timeout=15.0)
    )


@pytest.fixture
async def machine() -> AsyncIterator[Machine]:
    """Yield a machine whose supervisor runs."""
    home = Path(tempfile.mkdtemp(prefix="pushline-"))
    own = made(home)
    try:
        await own.start()
        yield own
    finally:
        own.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def lasting() -> Iterator[Machine]:
    """Yield a machine for a whole file; whoever uses it leaves it clear."""
    home = Path(tempfile.mkdtemp(prefix="pushline-"))
    common = made(home)
    try:
        asyncio.run(common.start())
        yield common
    finally:
        common.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
async def story(bus: Bus) -> Story:
    """Return a story whose function is claimed."""
    told = Story(bus)
    await told.claim()
    return told
