"""A list of customers that cannot be had."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from bus.connection import Bus
from consumers.customers import origin
from consumers.customers.consumer import keep
from consumers.customers.origin import AtUrl, CustomersUnavailable
from consumers.forges.customers import fold


@pytest.fixture
async def silent(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AtUrl]:
    """Yield a list at a server that takes connections and never answers."""
    monkeypatch.setattr(origin, "TIMEOUT", aiohttp.ClientTimeout(total=0.2))

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(hold, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield AtUrl(f"http://127.0.0.1:{port}/CUSTOMERS")


@pytest.mark.weakness(11)
async def test_a_silent_server_is_given_up(silent: AtUrl) -> None:
    """Its client waited for ever; ours has a time, and says that it will ask again."""
    with pytest.raises(CustomersUnavailable, match="does not answer"):
        await asyncio.wait_for(silent.read(), timeout=10)


@pytest.mark.weakness(11)
async def test_a_first_list_that_fails_lets_nobody_in(bus: Bus, silent: AtUrl) -> None:
    """It crashed at a map that was never made; ours goes on, has written nothing, knows nobody."""
    admitted = fold("customers")
    stopping = asyncio.Event()
    stopping.set()

    await asyncio.wait_for(keep(bus.log, admitted, silent, stopping), timeout=10)

    assert await bus.log.head() == 0
    assert not admitted.rows
