"""Objects in a bucket, under their own keys."""

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from bus.objects import checked
from bus.s3.bucket import Bucket
from bus.s3.download import download
from bus.s3.refusals import code_of, status_of
from schemas.errors import ObjectMissing

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

TYPE: Final = "text/plain; charset=utf-8"  # so that a browser shows a log


class S3Objects:
    """Objects of one bucket, beside its blobs."""

    def __init__(self, bucket: Bucket) -> None:
        """Keep the objects in ``bucket``."""
        self._bucket = bucket

    async def write(self, key: str, body: bytes) -> None:
        """Store the bytes."""
        await self._bucket.run(self._write, checked(key), body)

    async def read(self, key: str) -> bytes:
        """Return the bytes."""
        return await self._bucket.run(self._read, checked(key))

    async def has(self, key: str) -> bool:
        """Tell whether there is such an object."""
        return await self._bucket.run(self._has, checked(key))

    async def delete(self, key: str) -> None:
        """Remove the object."""
        await self._bucket.run(self._delete, checked(key))

    def _write(self, client: "S3Client", key: str, body: bytes) -> None:
        client.put_object(Bucket=self._bucket.name, Key=key, Body=body, ContentType=TYPE)

    def _read(self, client: "S3Client", key: str) -> bytes:
        chunks: list[bytes] = []
        attempts = self._bucket.settings.attempts
        try:
            download(client, self._bucket.name, key, chunks.append, attempts=attempts)
        except ClientError as error:
            if code_of(error) in ("NoSuchKey", "404"):
                raise ObjectMissing(f"no object {key}") from error
            raise
        return b"".join(chunks)

    def _has(self, client: "S3Client", key: str) -> bool:
        try:
            client.head_object(Bucket=self._bucket.name, Key=key)
        except ClientError as error:
            if status_of(error) != 404:
                raise
            client.head_bucket(Bucket=self._bucket.name)  # it says 404 for a missing bucket, too
            return False
        return True

    def _delete(self, client: "S3Client", key: str) -> None:
        client.delete_object(Bucket=self._bucket.name, Key=key)
