"""A history that real consumers have left, once for all tests of this folder."""

import asyncio
from collections.abc import Iterator

import pytest

from bus.connection import Bus, connect
from tests.edge.cli.operating import House, house
from tests.edge.cli.replay.works import history

PROJECTS = ("alice/hello", "bob/shop", "carol/blog")


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Yield a house in whose log three projects were pushed to, 12 times each, all at once."""
    with house(tmp_path_factory.mktemp("lived")) as found:

        async def live() -> int:
            async with connect(found.server.settings("init"), name="life") as bus:
                return await history(bus, PROJECTS, 12)

        asyncio.run(live())
        yield found


@pytest.fixture
def head(lived: House) -> int:
    """Return the last sequence of the log."""

    async def read(bus: Bus) -> int:
        return await bus.log.head()

    return lived.do(read)
