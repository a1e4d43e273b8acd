"""Fixtures: a forge, and templates read once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from consumers.source.archive import Templates
from tests.consumers.source.forge import Forge


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    """Yield a forge without a repository."""
    running = Forge(tmp_path / "forge")
    try:
        yield running
    finally:
        running.close()


@pytest.fixture(scope="session")
def templates() -> Templates:
    """Return the templates of ours."""
    return Templates()
