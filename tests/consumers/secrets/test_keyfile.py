"""The key file, on a real disk: who may read it, and who may change it at the same time."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bus.keyfolder import KeysUnsafe, KeysUnusable
from consumers.secrets.keyfile import KeyFile, KeysBusy, KeysDamaged
from consumers.secrets.keys import KeyGone


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    """Return a key file that is not there yet."""
    return KeyFile(tmp_path / "secrets")


def test_the_first_key_is_made_private_and_kept(keys: KeyFile) -> None:
    """Folder and file are their owner's alone; the next reader finds the same key."""
    ring = keys.ring()

    assert keys.folder.stat().st_mode & 0o777 == 0o700
    assert keys.path.stat().st_mode & 0o777 == 0o600
    assert KeyFile(keys.folder).ring() == ring
    assert [path.name for path in keys.folder.iterdir()] == ["keys.json"]


def test_all_who_make_the_first_key_at_once_get_the_same(keys: KeyFile) -> None:
    """Of eight processes' worth of callers one wins, and nobody seals with a lost key."""
    with ThreadPoolExecutor(8) as threads:
        rings = list(threads.map(lambda _: KeyFile(keys.folder).ring(), range(8)))

    assert len({ring.newest.id for ring in rings}) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_file_that_others_read_is_refused_with_the_cure(keys: KeyFile, mode: int) -> None:
    """Nothing is sealed or opened before it is private again."""
    ring = keys.ring()
    keys.path.chmod(mode)

    with pytest.raises(KeysUnsafe, match=f"mode {mode:03o}.*chmod 600"):
        keys.ring()

    keys.path.chmod(0o600)
    assert keys.ring() == ring


def test_a_folder_that_others_enter_is_refused_too(keys: KeyFile) -> None:
    """Who may write the folder could put another key file there."""
    keys.ring()
    keys.folder.chmod(0o755)

    with pytest.raises(KeysUnsafe, match="chmod 700"):
        keys.ring()


@pytest.mark.parametrize("body", ["", "{", '{"keys":[]}', '{"keys":[{"private":"CANARY"}]}'])
def test_a_damaged_key_file_is_neither_replaced_nor_quoted(keys: KeyFile, body: str) -> None:
    """A new key in its place would make all secrets void; what it holds is in no message."""
    keys.ring()
    keys.path.write_text(body)

    with pytest.raises(KeysDamaged) as raised:
        keys.ring()

    assert "CANARY" not in str(raised.value)
    assert keys.path.read_text() == body


async def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    """Whoever seals, opens or makes a key learns which path is wrong, and what it should be."""
    (tmp_path / "file").write_text("")
    keys = KeyFile(tmp_path / "file" / "secrets")

    for call in (keys.ring, keys.existing, keys.add):
        with pytest.raises(KeysUnusable, match=r"file/secrets.*0700"):
            call()
    with pytest.raises(KeysUnusable, match="0700"):
        async with keys.sealing():
            pass


def test_a_new_key_seals_and_the_old_one_stays_until_it_is_dropped(keys: KeyFile) -> None:
    """While a rotation is under way both are at hand."""
    old = keys.ring().newest
    new = keys.add().newest

    assert [key.id for key in keys.ring().keys] == [old.id, new.id]
    assert keys.drop_older() == (old.id,)
    assert keys.ring().keys == (new,)
    assert keys.path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(KeyGone, match=old.id):
        keys.ring().get(old.id)


def test_no_repr_shows_a_private_half(keys: KeyFile) -> None:
    """Whatever prints a key, a ring or a file shows which, not what."""
    ring = keys.ring()

    shown = f"{ring!r} {ring.newest!r} {ring.newest} {keys!r}"

    assert ring.newest.id in shown
    assert repr(ring.newest.private)[2:-1] not in shown
    assert "private" not in shown


async def test_a_key_is_not_dropped_while_somebody_seals(keys: KeyFile) -> None:
    """Those who seal do so together; who drops waits for all of them."""
    done: list[str] = []

    async def drop() -> None:
        async with keys.dropping():
            done.append("dropped")

    async with keys.sealing(), keys.sealing():
        dropping = asyncio.create_task(drop())
        for _ in range(100):
            await asyncio.sleep(0)
        done.append("sealed")
    await dropping

    assert done == ["sealed", "dropped"]


async def test_a_second_rotation_is_told_so_at_once(keys: KeyFile) -> None:
    """Two rotations at the same time would drop each other's keys."""
    async with keys.rotating():
        with pytest.raises(KeysBusy, match="rotation"):
            async with keys.rotating():
                pass
