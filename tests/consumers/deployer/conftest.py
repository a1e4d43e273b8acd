"""Fixtures of a machine that runs functions."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bus.connection import Bus
from consumers.deployer.local.settings import Limits, SupervisorSettings
from tests.consumers.deployer.machine import Machine
from tests.consumers.deployer.story import Story


@pytest.fixture
async def machine() -> AsyncIterator[Machine]:
    """Yield a machine whose supervisor runs; in a short folder, for sockets lie in it."""
    home = Path(tempfile.mkdtemp(prefix="pushline-"))
    (home / "run").mkdir()
    limits = Limits(memory=96 * 2**20, disk=8 * 2**20, processes=24)
    settings = SupervisorSettings(home=home, run=home / "run", limits=limits, start_timeout=15.0)
    made = Machine(settings)
    try:
        await made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
async def story(bus: Bus) -> Story:
    """Return a story whose function is claimed."""
    told = Story(bus)
    await told.claim()
    return told
