"""Servers of our own, for tests that kill, stop or overload them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.server import NatsServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    """Yield a running server with users and a home, without streams."""
    server = NatsServer(tmp_path / "home")
    server.start()
    try:
        yield server
    finally:
        server.kill()
