"""Blobs in a bucket, under ``blobs/sha256/<first two hex digits>/<hex>``."""

import hashlib
import io
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from bus.blobs import hex_of
from bus.s3.bucket import Bucket
from bus.s3.download import download
from bus.s3.refusals import code_of, status_of
from bus.s3.upload import Body, Reader, Upload
from schemas.errors import BlobDamaged, BlobMissing
from schemas.ids import Digest

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

PREFIX: Final = "blobs/sha256/"
SMALL: Final = 64 * 1024  # bytes; asking whether it is there costs as much as sending it


class S3Blobs:
    """Blobs, each an object; verified whenever they are read."""

    def __init__(self, bucket: Bucket) -> None:
        """Keep the blobs in ``bucket``."""
        self._bucket = bucket
        self._attempts = bucket.settings.attempts
        self._upload = Upload(bucket.name, bucket.settings.part_bytes)
        self._damaged: set[str] = set()  # keys; written over by whoever has the right bytes

    async def put(self, body: bytes | Path) -> Digest:
        """Store the blob unless it is there; large ones in parts, a file never whole in memory."""
        return await self._bucket.run(self._put, body)

    async def get(self, digest: Digest) -> bytes:
        """Return the bytes, verified."""
        return await self._bucket.run(self._get, digest)

    async def has(self, digest: Digest) -> bool:
        """Tell whether there is such an object; its bytes are not verified."""
        return await self._bucket.run(self._has, digest)

    async def fetch(self, digest: Digest, into: Path) -> None:
        """Write the blob to ``into``, verified, a chunk at a time."""
        await self._bucket.run(self._fetch, digest, into)

    async def delete(self, digest: Digest) -> None:
        """Remove the blob; twice is harmless."""
        await self._bucket.run(self._delete, digest)

    def _put(self, client: "S3Client", body: bytes | Path) -> Digest:
        with body.open("rb") if isinstance(body, Path) else io.BytesIO(body) as reader:
            return self._put_from(client, reader)

    def _put_from(self, client: "S3Client", reader: Reader) -> Digest:
        hex = hashlib.file_digest(reader, "sha256").hexdigest()
        key, body = key_of(hex), Body(reader, hex, reader.seek(0, os.SEEK_END))
        over = key in self._damaged
        if body.size <= SMALL or over or self._size(client, key) != body.size:
            written = self._upload.write(client, key, body, over=over)
            if not written and self._size(client, key) != body.size:
                self._upload.write(client, key, body, over=True)
            self._damaged.discard(key)
        return "sha256:" + hex

    def _get(self, client: "S3Client", digest: Digest) -> bytes:
        chunks: list[bytes] = []
        self._read(client, digest, chunks.append)
        return b"".join(chunks)

    def _has(self, client: "S3Client", digest: Digest) -> bool:
        if self._size(client, key_of(hex_of(digest))) is not None:
            return True
        client.head_bucket(Bucket=self._bucket.name)  # HEAD says 404 for a missing bucket, too
        return False

    def _fetch(self, client: "S3Client", digest: Digest, into: Path) -> None:
        part = into.with_name(f".{into.name}.{secrets.token_hex(8)}.part")
        try:
            with part.open("xb") as writer:
                self._read(client, digest, writer.write)
                writer.flush()
                os.fsync(writer.fileno())
            part.replace(into)
        finally:
            part.unlink(missing_ok=True)

    def _delete(self, client: "S3Client", digest: Digest) -> None:
        client.delete_object(Bucket=self._bucket.name, Key=key_of(hex_of(digest)))

    def _read(self, client: "S3Client", digest: Digest, take: Callable[[bytes], object]) -> None:
        """Hand the bytes on as they come, then raise unless they have the digest."""
        sha, key = hashlib.sha256(), key_of(hex_of(digest))

        def taken(chunk: bytes) -> None:
            sha.update(chunk)
            take(chunk)

        try:
            download(client, self._bucket.name, key, taken, attempts=self._attempts)
        except ClientError as error:
            if code_of(error) in ("NoSuchKey", "404"):
                raise BlobMissing(f"no blob {digest}") from error
            raise
        if "sha256:" + sha.hexdigest() != digest:
            self._damaged.add(key)
            raise BlobDamaged(f"the bytes of {digest} are others")

    def _size(self, client: "S3Client", key: str) -> int | None:
        """Return an object's size, None where there is none."""
        try:
            return client.head_object(Bucket=self._bucket.name, Key=key)["ContentLength"]
        except ClientError as error:
            if status_of(error) == 404:
                return None
            raise


def key_of(hex: str) -> str:
    """Return where a blob lies."""
    return f"{PREFIX}{hex[:2]}/{hex}"
