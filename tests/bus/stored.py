"""Stores of blobs to try the same tests on."""

import hashlib
from pathlib import Path
from typing import Protocol

from bus.blobs import Blobs, DirectoryBlobs
from bus.s3 import Bucket, S3Blobs
from bus.s3.blobs import key_of
from schemas.ids import Digest
from tests.heavy.store import Store


class Trial(Protocol):
    """A store and ways to look behind it."""

    @property
    def blobs(self) -> Blobs:
        """Return the blobs."""
        ...

    def damage(self, digest: Digest, body: bytes) -> None:
        """Put other bytes in a blob's place."""
        ...

    def assert_tidy(self, *digests: Digest) -> None:
        """Fail unless these blobs lie there, no other, and no half of one."""
        ...


class InDirectory:
    """Blobs in a folder."""

    def __init__(self, folder: Path) -> None:
        """Keep the blobs in ``folder``."""
        self.folder = folder
        self.blobs = DirectoryBlobs(folder)

    def damage(self, digest: Digest, body: bytes) -> None:
        """Write over the file."""
        self.blobs.path(digest).write_bytes(body)

    def assert_tidy(self, *digests: Digest) -> None:
        """Fail unless the files below the folder are these blobs."""
        found = {path for path in self.folder.rglob("*") if path.is_file()}
        assert found == {self.blobs.path(digest) for digest in digests}


class InBucket:
    """Blobs in the bucket that all tests share: each test has bytes of its own."""

    def __init__(self, store: Store) -> None:
        """Keep the blobs in ``store``."""
        self.bucket = Bucket(store.settings(part_bytes=5 * 1024 * 1024))
        self.blobs = S3Blobs(self.bucket)
        self.client = store.client()

    def damage(self, digest: Digest, body: bytes) -> None:
        """Write over the object."""
        key = key_of(digest.removeprefix("sha256:"))
        self.client.put_object(Bucket=self.bucket.name, Key=key, Body=body)

    def assert_tidy(self, *digests: Digest) -> None:
        """Fail unless these blobs are there and no upload is half-way; others have theirs here."""
        pending = self.client.list_multipart_uploads(Bucket=self.bucket.name)
        assert pending.get("Uploads", []) == []
        for digest in digests:
            key = key_of(digest.removeprefix("sha256:"))
            self.client.head_object(Bucket=self.bucket.name, Key=key)


def file_digest(path: Path) -> Digest:
    """Return the digest of a file's bytes."""
    with path.open("rb") as reader:
        return "sha256:" + hashlib.file_digest(reader, "sha256").hexdigest()
