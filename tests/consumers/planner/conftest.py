"""The planner's fixtures."""

from collections.abc import AsyncIterator

import pytest

from bus.connection import Bus
from tests.consumers.planner.office import Office, office


@pytest.fixture
async def desk(bus: Bus) -> AsyncIterator[Office]:
    """Yield an office on an empty log."""
    async with office(bus) as desk:
        yield desk
