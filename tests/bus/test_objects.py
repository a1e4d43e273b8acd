"""Objects by name, and the keys of build logs."""

from pathlib import Path

import pytest

from bus.buildlogs import BuildLogs
from bus.objects import DirectoryObjects
from schemas.errors import KeyInvalid, ObjectMissing

SHA = "0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33"


@pytest.fixture
def objects(tmp_path: Path) -> DirectoryObjects:
    """Return an empty store."""
    return DirectoryObjects(tmp_path / "objects")


async def test_the_predecessor_s_own_key() -> None:
    """The bucket's name stands in the key once more: what was written before is found."""
    logs = BuildLogs(DirectoryObjects(Path()), "pipeline")
    key = logs.key("alexellis/super-cake", "af6db", "slack-fn")
    assert key == "pipeline/alexellis/super-cake/af6db/slack-fn/build.log"


async def test_a_log_is_found_under_its_names(objects: DirectoryObjects) -> None:
    """Repository, commit and function tell logs apart; a second one takes the first one's place."""
    logs = BuildLogs(objects, "pipeline")
    assert not await logs.has("alice/hello", SHA, "hello")

    await logs.write("alice/hello", SHA, "hello", b"first\n")
    key = await logs.write("alice/hello", SHA, "hello", b"second\n")

    assert await logs.has("alice/hello", SHA, "hello")
    assert await logs.read("alice/hello", SHA, "hello") == b"second\n"
    assert await objects.read(key) == b"second\n"
    with pytest.raises(ObjectMissing):
        await logs.read("alice/hello", SHA, "other")


@pytest.mark.parametrize(
    ("repository", "sha", "function"),
    [
        ("../../etc", SHA, "passwd"),
        ("alice/..", SHA, "hello"),
        ("alice//hello", SHA, "hello"),
        ("/alice/hello", SHA, "hello"),
        ("alice/hello", "..", "hello"),
        ("alice/hello", SHA, ".."),
        ("alice/hello", SHA, ""),
        ("alice/hello", f"{SHA}/other", "hello"),
        ("alice/hello", SHA, "../other"),
        ("alice/hello", SHA, "a\x00b"),
        ("alice/hello", SHA, "a\nb"),
        ("alice/hello", SHA, "a\\b"),
        ("alice/hello", SHA, "é"),
        ("alice/hello", SHA, "a" * 201),
        ("/".join(["alice"] * 300), SHA, "hello"),
    ],
)
async def test_names_from_outside_cannot_leave_their_place(
    objects: DirectoryObjects, tmp_path: Path, repository: str, sha: str, function: str
) -> None:
    """No name leads to another folder, another's log or a name that a store would not take."""
    logs = BuildLogs(objects, "pipeline")
    with pytest.raises(KeyInvalid):
        await logs.write(repository, sha, function, b"")
    with pytest.raises(KeyInvalid):
        await logs.read(repository, sha, function)
    assert list(tmp_path.iterdir()) == []


async def test_a_key_below_another_s_is_refused(objects: DirectoryObjects) -> None:
    """Files have no files below them: a made-up repository cannot break what is there."""
    await objects.write("a/b", b"1")
    with pytest.raises(KeyInvalid):
        await objects.write("a/b/c", b"2")
    with pytest.raises(KeyInvalid):
        await objects.write("a/b/c/d", b"2")
    assert await objects.read("a/b") == b"1"
    assert not await objects.has("a/b/c")
    with pytest.raises(ObjectMissing):
        await objects.read("a/b/c")
