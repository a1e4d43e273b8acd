"""Rotation on a real log: cut short anywhere it goes on, and nothing is lost to those who set."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bus.connection import Bus
from consumers.secrets.box import seal_for
from consumers.secrets.desk import Desk
from consumers.secrets.store import Secrets, SecretUnreadable
from schemas.envelope import Aggregate
from schemas.events.secret import SecretSealed
from schemas.secrets import Scope, SecretInvalid

SHOP = Scope("local", "alice/shop", "alice/shop")
ALICE = Scope("local", "alice")


@pytest.fixture
async def desk(bus: Bus, tmp_path: Path) -> AsyncIterator[Desk]:
    """Yield a desk whose register follows the log."""
    made = Desk.of(bus, tmp_path / "keys", None)
    folding = asyncio.create_task(made.register.run(bus.follow))
    yield made
    folding.cancel()


async def values(desk: Desk) -> list[bytes | None]:
    """Return what alice's project gets by three names."""
    names = ("a", "b", "c")
    return [await desk.store.open("local", "alice/shop", "alice", name) for name in names]


async def fill(desk: Desk) -> None:
    """Set two of a project and one of its tenant."""
    await desk.put(SHOP, "a", b"1", by="alice")
    await desk.put(SHOP, "b", b"2", by="alice")
    await desk.put(ALICE, "c", b"3", by="bob")


class Cut(Exception):
    """Stands for the end of the process."""


class CutShort(Secrets):
    """A store whose process ends at the second secret."""

    async def reseal(self, of: Aggregate, key_id: str) -> bool:
        """Seal anew, until there is more than one key in the log."""
        if of.id == "b":
            raise Cut
        return await super().reseal(of, key_id)


async def test_everything_is_sealed_anew_and_the_old_key_goes(desk: Desk) -> None:
    """Values stay, who set them and when too; only the key is another."""
    await fill(desk)
    old = (await desk.public_key()).key_id
    await desk.reached(await desk.store.events.head())
    before = {row.name: (row.set, row.by) for row in desk.known()}

    done = await desk.rotate()
    await desk.reached(await desk.store.events.head())

    assert (done.resealed, done.dropped, done.resumed) == (3, (old,), False)
    assert await values(desk) == [b"1", b"2", b"3"]
    assert {row.key_id for row in desk.known()} == {done.key_id} != {old}
    assert {row.name: (row.set, row.by) for row in desk.known()} == before
    assert [key.id for key in desk.store.keys.ring().keys] == [done.key_id]


async def test_cut_short_it_goes_on_with_the_next_call(desk: Desk) -> None:
    """Meanwhile both keys open; the next call makes no third one."""
    await fill(desk)
    store = desk.store
    cut = Desk(CutShort(store.events, store.blobs, store.keys), desk.register)

    with pytest.raises(Cut):
        await cut.rotate()
    between = await values(desk)
    keys = [key.id for key in store.keys.ring().keys]
    done = await desk.rotate()

    assert between == [b"1", b"2", b"3"]
    assert len(keys) == 2
    assert (done.key_id, done.dropped, done.resumed) == (keys[1], (keys[0],), True)
    assert 0 < done.resealed < 3
    assert await values(desk) == [b"1", b"2", b"3"]


async def test_a_rotation_of_nothing_changes_the_key(desk: Desk) -> None:
    """Without secrets there is still another key afterwards."""
    old = (await desk.public_key()).key_id

    done = await desk.rotate()

    assert (done.resealed, done.dropped) == (0, (old,))
    assert (await desk.public_key()).key_id == done.key_id


async def test_who_sets_while_keys_rotate_loses_nothing(desk: Desk) -> None:
    """Twenty values and three rotations at the same time: each value opens afterwards."""

    async def setting() -> None:
        for number in range(20):
            await desk.put(SHOP, f"name-{number}", str(number).encode(), by="alice")

    async def rotating() -> None:
        for _ in range(3):
            await desk.rotate()

    await asyncio.gather(setting(), rotating())

    for number in range(20):
        found = await desk.store.open("local", "alice/shop", "alice", f"name-{number}")
        assert found == str(number).encode()
    assert len(desk.store.keys.ring().keys) == 1


async def test_a_value_set_meanwhile_has_the_last_word(desk: Desk, bus: Bus) -> None:
    """Sealing anew is guarded by the fact that it read."""
    await desk.put(SHOP, "a", b"1", by="alice")
    store = desk.store

    class Overtaken(Secrets):
        async def _value(self, of: Aggregate) -> bytes | None:
            found = await super()._value(of)
            await store.put(SHOP, "a", b"newer", by="bob")
            return found

    blobs = set((bus.settings.home / "blobs").rglob("*"))
    done = await Overtaken(store.events, store.blobs, store.keys).reseal(SHOP.secret("a"), "new")

    assert done is False
    assert await store.open("local", "alice/shop", "alice", "a") == b"newer"
    left = {path for path in (bus.settings.home / "blobs").rglob("*") if path.is_file()} - blobs
    assert len(left) == 1  # bob's; what was sealed in vain is gone


async def test_no_key_goes_while_a_secret_cannot_be_opened(desk: Desk, bus: Bus) -> None:
    """It is named, so that it can be set again or removed; then the rotation ends."""
    await fill(desk)
    lost = await bus.log.last(SHOP.secret("b"), SecretSealed)
    assert lost
    await bus.blobs.delete(lost.fact.sealed)

    with pytest.raises(SecretUnreadable, match="secret b of alice/shop"):
        await desk.rotate()
    assert len(desk.store.keys.ring().keys) == 2

    await desk.remove(SHOP, "b", by="alice")
    assert (await desk.rotate()).resumed
    assert await values(desk) == [b"1", None, b"3"]


async def test_a_sealed_text_is_void_once_its_key_is_gone(desk: Desk) -> None:
    """Who handed it in is told to seal again."""
    text = seal_for(b"value", SHOP, "a", await desk.public_key())
    await desk.put_sealed(SHOP, "a", text, by="alice")
    await desk.rotate()

    with pytest.raises(SecretInvalid, match=r"sealed: the key .* is not in.*seal the value again"):
        await desk.put_sealed(SHOP, "a", text, by="alice")

    assert await desk.store.open("local", "alice/shop", "alice", "a") == b"value"
