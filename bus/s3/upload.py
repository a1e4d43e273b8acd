"""A blob's bytes into the bucket: at once or in parts, if nobody has put them there before.

The condition saves rewriting what is there. A store that does not know it ignores or refuses it;
then the same bytes are written over themselves, which is harmless. A process that is killed leaves
parts behind, which a lifecycle rule of the bucket removes (AbortIncompleteMultipartUpload).
"""

import base64
import hashlib
import io
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias, TypedDict

from botocore.exceptions import BotoCoreError, ClientError

from bus.s3.refusals import code_of, status_of
from schemas.errors import BlobDamaged

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef

TYPE: Final = "application/octet-stream"
MOST_PARTS: Final = 10_000
GONE: Final = "NoSuchUpload"  # completed by an attempt whose answer was lost
Reader: TypeAlias = io.BytesIO | io.BufferedReader


class Body(NamedTuple):
    """The bytes of one blob."""

    reader: Reader
    hex: str  # their sha256
    size: int


class Condition(TypedDict, total=False):
    """Arguments of a write."""

    IfNoneMatch: Literal["*"]


class Upload:
    """Writes blobs; knows whether the store knows conditions."""

    def __init__(self, bucket: str, part_bytes: int) -> None:
        """Write into ``bucket``, what is larger than a part in parts."""
        self._bucket = bucket
        self._part_bytes = part_bytes
        self._conditional = True

    def write(self, client: "S3Client", key: str, body: Body, *, over: bool) -> bool:
        """Write the body; False where an object was there, unless it is to be written ``over``.

        Raises BlobDamaged when the bytes read are not those that were announced.
        """
        condition = Condition() if over or not self._conditional else Condition(IfNoneMatch="*")
        write = self._at_once if body.size <= self._part_bytes else self._in_parts
        try:
            write(client, key, body, condition)
        except ClientError as error:
            if code_of(error) == GONE or (condition and status_of(error) == 412):
                return False
            if not condition or status_of(error) not in (409, 501):
                raise
            # 501: it knows no conditions; 409: two write at once, the same bytes.
            self._conditional = status_of(error) == 409
            write(client, key, body, Condition())
        return True

    def _at_once(self, client: "S3Client", key: str, body: Body, condition: Condition) -> None:
        body.reader.seek(0)
        whole = body.reader.read()
        sha = hashlib.sha256(whole)
        if sha.hexdigest() != body.hex:
            raise _changed()
        client.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=whole,
            ContentType=TYPE,
            ChecksumSHA256=base64.b64encode(sha.digest()).decode(),
            **condition,
        )

    def _in_parts(self, client: "S3Client", key: str, body: Body, condition: Condition) -> None:
        """Write part by part, one in memory; what fails half-way leaves no parts behind."""
        bucket = self._bucket
        begun = client.create_multipart_upload(Bucket=bucket, Key=key, ContentType=TYPE)
        upload = begun["UploadId"]
        try:
            parts = self._parts(client, key, upload, body)
            client.complete_multipart_upload(
                Bucket=bucket,
                Key=key,
                UploadId=upload,
                MultipartUpload={"Parts": parts},
                **condition,
            )
        except BaseException:
            with suppress(BotoCoreError, ClientError):
                client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
            raise

    def _parts(
        self, client: "S3Client", key: str, upload: str, body: Body
    ) -> "list[CompletedPartTypeDef]":
        parts: list[CompletedPartTypeDef] = []
        sha, size = hashlib.sha256(), max(self._part_bytes, -(-body.size // MOST_PARTS))
        body.reader.seek(0)
        while chunk := body.reader.read(size):
            sha.update(chunk)
            md5 = hashlib.md5(chunk, usedforsecurity=False).digest()
            number = len(parts) + 1
            answer = client.upload_part(
                Bucket=self._bucket,
                Key=key,
                UploadId=upload,
                PartNumber=number,
                Body=chunk,
                ContentMD5=base64.b64encode(md5).decode(),
            )
            parts.append({"ETag": answer["ETag"], "PartNumber": number})
        if sha.hexdigest() != body.hex:
            raise _changed()
        return parts


def _changed() -> BlobDamaged:
    return BlobDamaged("the file changed while it was stored")
