"""Blobs: the same promises kept by a folder and by a real S3 store."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.blobs import Blobs, write_whole
from schemas.errors import BlobDamaged, BlobMissing
from schemas.ids import digest_of
from tests.bus.stored import InBucket, InDirectory, Trial, file_digest

NOWHERE = "sha256:" + "0" * 64
SIZES = [0, 5, 3_000_000, 12_000_000]  # the last one is sent to a bucket in parts


@pytest.fixture(params=["directory", "s3"])
def trial(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Trial]:
    """Yield one store after the other."""
    if request.param == "directory":
        yield InDirectory(tmp_path / "blobs")
        return
    trial = InBucket(request.getfixturevalue("s3"))
    yield trial
    trial.bucket.close()


@pytest.fixture
def blobs(trial: Trial) -> Blobs:
    """Return the store's blobs."""
    return trial.blobs


@pytest.mark.parametrize("size", SIZES)
async def test_bytes_come_back(trial: Trial, tmp_path: Path, size: int) -> None:
    """Bytes are found under their digest, in memory and as a file; twice is once."""
    body = os.urandom(size)
    digest = await trial.blobs.put(body)
    again = await trial.blobs.put(body)
    await trial.blobs.fetch(digest, tmp_path / "copy")

    assert digest == again == digest_of(body)
    assert await trial.blobs.has(digest)
    assert await trial.blobs.get(digest) == body
    assert (tmp_path / "copy").read_bytes() == body
    trial.assert_tidy(digest)


@pytest.mark.parametrize("size", SIZES)
async def test_a_file_is_stored(trial: Trial, tmp_path: Path, size: int) -> None:
    """A path gets the digest of its bytes, and the file stays where it is."""
    source = tmp_path / "source"
    source.write_bytes(os.urandom(size))
    digest = await trial.blobs.put(source)
    again = await trial.blobs.put(source)

    assert digest == again == file_digest(source)
    assert await trial.blobs.get(digest) == source.read_bytes()
    trial.assert_tidy(digest)


@pytest.mark.parametrize("size", [5, 12_000_000])
async def test_all_at_once_store_one_blob(trial: Trial, size: int) -> None:
    """Six writers of the same new bytes all succeed, and what they wrote is whole."""
    body = os.urandom(size)
    digests = await asyncio.gather(*(trial.blobs.put(body) for _ in range(6)))

    assert set(digests) == {digest_of(body)}
    assert await trial.blobs.get(digests[0]) == body
    trial.assert_tidy(digests[0])


async def test_a_missing_blob(blobs: Blobs, tmp_path: Path) -> None:
    """What is not there is BlobMissing, and leaves no file."""
    (tmp_path / "into").mkdir()
    assert not await blobs.has(NOWHERE)
    with pytest.raises(BlobMissing):
        await blobs.get(NOWHERE)
    with pytest.raises(BlobMissing):
        await blobs.fetch(NOWHERE, tmp_path / "into" / "copy")
    assert list((tmp_path / "into").iterdir()) == []


@pytest.mark.parametrize("damage", [b"jello", b"jell", b"hello hello", b""])
async def test_a_damaged_blob(trial: Trial, tmp_path: Path, damage: bytes) -> None:
    """Bytes that are others, fewer or more are found at reading, and leave no file."""
    (tmp_path / "into").mkdir()
    digest = await trial.blobs.put(b"hello")
    trial.damage(digest, damage)

    with pytest.raises(BlobDamaged):
        await trial.blobs.get(digest)
    with pytest.raises(BlobDamaged):
        await trial.blobs.fetch(digest, tmp_path / "into" / "copy")
    assert list((tmp_path / "into").iterdir()) == []


@pytest.mark.parametrize("damage", [b"jello", b"jell"])
async def test_putting_a_damaged_blob_again_mends_it(trial: Trial, damage: bytes) -> None:
    """Whoever has the right bytes repairs the store by storing them."""
    digest = await trial.blobs.put(b"hello")
    trial.damage(digest, damage)
    with pytest.raises(BlobDamaged):
        await trial.blobs.get(digest)

    await trial.blobs.put(b"hello")
    assert await trial.blobs.get(digest) == b"hello"


async def test_a_deleted_blob_is_gone(blobs: Blobs) -> None:
    """Deleting what is there or not is the same afterwards; then it can be stored anew."""
    body = os.urandom(100)
    digest = await blobs.put(body)
    await blobs.delete(digest)
    await blobs.delete(digest)

    assert not await blobs.has(digest)
    await blobs.put(body)
    assert await blobs.get(digest) == body


@pytest.mark.parametrize("digest", ["", "sha256:../../etc/passwd", "md5:" + "0" * 32, "sha256:AB"])
async def test_what_is_no_digest_leads_nowhere(blobs: Blobs, digest: str) -> None:
    """A digest from outside cannot become a path."""
    with pytest.raises(BlobMissing):
        await blobs.get(digest)
    with pytest.raises(BlobMissing):
        await blobs.delete(digest)


async def test_a_fetch_into_a_missing_folder_is_the_caller_s_mistake(
    blobs: Blobs, tmp_path: Path
) -> None:
    """The blob is there: the error is not about it."""
    digest = await blobs.put(b"hello")
    with pytest.raises(FileNotFoundError):
        await blobs.fetch(digest, tmp_path / "no" / "copy")


async def test_a_missing_file_is_the_caller_s_mistake(blobs: Blobs, tmp_path: Path) -> None:
    """What is to be stored is not there: the error names the file, not the store."""
    with pytest.raises(FileNotFoundError):
        await blobs.put(tmp_path / "no")


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    """Writing over a file replaces it at once, and leaves nothing beside it."""
    write_whole(tmp_path / "f", b"1")
    write_whole(tmp_path / "f", b"22")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"f": b"22"}
