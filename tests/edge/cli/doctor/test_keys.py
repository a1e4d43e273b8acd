"""The keys that open secrets, as the doctor finds them."""

from pathlib import Path

import pytest

from consumers.secrets.keyfile import KeyFile
from edge.cli.doctor import keys
from edge.cli.doctor.finding import Subject
from edge.cli.settings import Settings

[KEYS] = keys.CHECKS


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    """Return the key file of a home, with one key."""
    made = KeyFile(tmp_path / "secrets")
    made.ring()
    return made


async def test_a_key_is_named_and_a_backup_asked_for(tmp_path: Path, file: KeyFile) -> None:
    """In the home, or in a folder of its own."""
    home = await KEYS.run(Subject(Settings(), tmp_path, {}))
    apart = await KEYS.run(Subject(Settings(keys_folder=str(file.folder)), tmp_path / "x", {}))

    assert home.state == apart.state == "ok"
    assert file.ring().newest.id in home.says


async def test_no_key_is_made_by_looking(tmp_path: Path) -> None:
    """Before the first secret there is none."""
    found = await KEYS.run(Subject(Settings(), tmp_path, {}))

    assert found.state == "off"
    assert list(tmp_path.iterdir()) == []


async def test_a_rotation_that_was_cut_short_is_told(tmp_path: Path, file: KeyFile) -> None:
    """With the command that ends it."""
    file.add()

    found = await KEYS.run(Subject(Settings(), tmp_path, {}))

    assert (found.state, found.cure) == ("warn", "pushline secrets rotate")


async def test_keys_that_others_read_or_that_are_damaged_are_wrong(
    tmp_path: Path, file: KeyFile
) -> None:
    """With the cure; nothing of the file is quoted."""
    file.path.chmod(0o640)
    loose = await KEYS.run(Subject(Settings(), tmp_path, {}))
    file.path.chmod(0o600)
    file.path.write_text('{"keys": "CANARY"}')
    damaged = await KEYS.run(Subject(Settings(), tmp_path, {}))

    assert (loose.state, damaged.state) == ("fail", "fail")
    assert f"chmod 600 {file.path}" in loose.cure
    assert "backup" in damaged.cure
    assert "CANARY" not in f"{damaged.says} {damaged.cure}"
