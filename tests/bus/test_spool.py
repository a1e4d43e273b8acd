"""Bodies of large deliveries, while the store of blobs is away."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from bus.blobs import DirectoryBlobs
from bus.connection import Bus
from bus.log import INLINE, DeliveryLog
from bus.spool import Spool
from schemas.errors import BlobsUnavailable
from schemas.ids import Digest, digest_of
from tests.bus.workers import eventually

BODY = os.urandom(INLINE + 1)


class Switched(DirectoryBlobs):
    """A store that is there, away or silent."""

    state = "there"

    async def put(self, body: bytes | Path) -> Digest:
        """Store, refuse, or hang."""
        await self._reached()
        return await super().put(body)

    async def get(self, digest: Digest) -> bytes:
        """Return the bytes, refuse, or hang."""
        await self._reached()
        return await super().get(digest)

    async def _reached(self) -> None:
        if self.state == "away":
            raise BlobsUnavailable("nobody answers")
        if self.state == "silent":
            await asyncio.Event().wait()


@pytest.fixture
def store(tmp_path: Path) -> Switched:
    """Return a store."""
    return Switched(tmp_path / "store")


@pytest.fixture
def spool(store: Switched, tmp_path: Path) -> Spool:
    """Return a spool before it, that waits shortly."""
    return Spool(store, tmp_path / "spool", within=0.2, again=0.05)


@asynccontextmanager
async def forwarding(spool: Spool) -> AsyncIterator[None]:
    """Bring what waits to the store, around a block."""
    task = asyncio.create_task(spool.forward())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def waiting(tmp_path: Path) -> int:
    """Return how many bodies wait."""
    return sum(path.is_file() for path in (tmp_path / "spool").rglob("*"))


async def test_with_a_store_nothing_waits(spool: Spool, store: Switched, tmp_path: Path) -> None:
    """The body is in the store when the delivery is acknowledged."""
    digest = await spool.put(BODY)
    assert await store.get(digest) == await spool.get(digest) == BODY
    assert waiting(tmp_path) == 0


@pytest.mark.parametrize("state", ["away", "silent"])
async def test_a_body_is_taken_while_the_store_is_away(
    spool: Spool, store: Switched, tmp_path: Path, state: str
) -> None:
    """It is read from here, and goes to the store when that is back."""
    store.state = state
    digest = await spool.put(BODY)

    assert digest == digest_of(BODY)
    assert await spool.get(digest) == BODY
    async with forwarding(spool):
        store.state = "there"
        await eventually(lambda: waiting(tmp_path) == 0)
    assert await store.get(digest) == await spool.get(digest) == BODY


async def test_what_an_earlier_process_left_is_brought(store: Switched, tmp_path: Path) -> None:
    """Killed while the store was away: the next one begins with what waits."""
    store.state = "away"
    digest = await Spool(store, tmp_path / "spool").put(BODY)
    store.state = "there"

    async with forwarding(Spool(store, tmp_path / "spool")):
        await eventually(lambda: waiting(tmp_path) == 0)
    assert await store.get(digest) == BODY


async def test_another_process_waits_for_the_body(store: Switched, tmp_path: Path) -> None:
    """Intake elsewhere finds it neither here nor in the store: later it may, so it is no loss."""
    elsewhere = Spool(store, tmp_path / "elsewhere")
    with pytest.raises(BlobsUnavailable):
        await elsewhere.get(digest_of(BODY))


async def test_a_delivery_is_whole_in_spite_of_an_outage(
    bus: Bus, spool: Spool, store: Switched
) -> None:
    """Acknowledged by the log while the store is away, and read with its body."""
    store.state = "away"
    deliveries = DeliveryLog(bus.js, bus.publisher, spool)
    seq = await deliveries.store("github", "large", {}, BODY)
    assert (await deliveries.get(seq)).body == BODY
