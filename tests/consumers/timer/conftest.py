"""A server of our own, for tests that kill it."""

from tests.bus.conftest import server

__all__ = ["server"]
