"""Blobs in a directory."""

import hashlib
import os
from pathlib import Path

import pytest

from bus.blobs import DirectoryBlobs, write_whole
from schemas.errors import BlobDamaged, BlobMissing
from schemas.ids import digest_of

NOWHERE = "sha256:" + "0" * 64


@pytest.fixture
def blobs(tmp_path: Path) -> DirectoryBlobs:
    """Return an empty store."""
    return DirectoryBlobs(tmp_path / "blobs")


def files(folder: Path) -> list[Path]:
    """Return all files below a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("body", [b"", b"hello", os.urandom(3_000_000)])
async def test_bytes_come_back(blobs: DirectoryBlobs, tmp_path: Path, body: bytes) -> None:
    """Bytes are found under their digest, in memory and as a file; twice is once."""
    digest = await blobs.put(body)
    again = await blobs.put(body)
    await blobs.fetch(digest, tmp_path / "copy")

    assert digest == again == digest_of(body)
    assert await blobs.get(digest) == body
    assert (tmp_path / "copy").read_bytes() == body
    assert files(tmp_path / "blobs") == [blobs.path(digest)]


async def test_a_file_is_stored_without_being_loaded(blobs: DirectoryBlobs, tmp_path: Path) -> None:
    """A path is copied a chunk at a time and gets the digest of its bytes; it stays."""
    source = tmp_path / "source"
    source.write_bytes(os.urandom(3_000_000))
    digest = await blobs.put(source)
    again = await blobs.put(source)

    assert digest == again == "sha256:" + hashlib.sha256(source.read_bytes()).hexdigest()
    assert await blobs.get(digest) == source.read_bytes()
    assert files(tmp_path / "blobs") == [blobs.path(digest)]


async def test_a_missing_blob(blobs: DirectoryBlobs, tmp_path: Path) -> None:
    """What is not there is BlobMissing, and leaves no file."""
    assert not await blobs.has(NOWHERE)
    with pytest.raises(BlobMissing):
        await blobs.get(NOWHERE)
    with pytest.raises(BlobMissing):
        await blobs.fetch(NOWHERE, tmp_path / "copy")
    assert files(tmp_path) == []


async def test_a_damaged_blob(blobs: DirectoryBlobs, tmp_path: Path) -> None:
    """One flipped bit is found at reading, and leaves no file."""
    digest = await blobs.put(b"hello")
    blobs.path(digest).write_bytes(b"jello")

    with pytest.raises(BlobDamaged):
        await blobs.get(digest)
    with pytest.raises(BlobDamaged):
        await blobs.fetch(digest, tmp_path / "copy")
    assert files(tmp_path) == [blobs.path(digest)]


async def test_putting_a_damaged_blob_again_mends_it(blobs: DirectoryBlobs) -> None:
    """Whoever has the right bytes repairs the store by storing them."""
    digest = await blobs.put(b"hello")
    blobs.path(digest).write_bytes(b"jell")

    await blobs.put(b"hello")
    assert await blobs.get(digest) == b"hello"


@pytest.mark.parametrize("digest", ["", "sha256:../../etc/passwd", "md5:" + "0" * 32, "sha256:AB"])
async def test_what_is_no_digest_leads_nowhere(blobs: DirectoryBlobs, digest: str) -> None:
    """A digest from outside cannot become a path."""
    with pytest.raises(BlobMissing):
        await blobs.get(digest)


async def test_a_fetch_into_a_missing_folder_is_the_caller_s_mistake(
    blobs: DirectoryBlobs, tmp_path: Path
) -> None:
    """The blob is there: the error is not about it."""
    digest = await blobs.put(b"hello")
    with pytest.raises(FileNotFoundError):
        await blobs.fetch(digest, tmp_path / "no" / "copy")


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    """Writing over a file replaces it at once, and leaves nothing beside it."""
    write_whole(tmp_path / "f", b"1")
    write_whole(tmp_path / "f", b"22")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"f": b"22"}
