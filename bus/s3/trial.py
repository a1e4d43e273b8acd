"""All that we ask of an S3 store, tried once on an object of its own."""

import secrets
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

import msgspec
from botocore.exceptions import ClientError

from bus.s3.bucket import Bucket
from bus.s3.refusals import status_of

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

PREFIX: Final = "blobs/doctor/"


class Trial(msgspec.Struct, frozen=True):
    """What a store could do."""

    conditional: bool  # it refuses a second write that asks for none to be there
    same: bool  # what was read is what was written
    clock: datetime | None  # its own, where it told


async def trial(bucket: Bucket) -> Trial:
    """Write, read, write again on a condition, and delete; raises BlobsUnavailable."""
    return await bucket.run(_trial, bucket.name)


def _trial(client: "S3Client", bucket: str) -> Trial:
    key, body = PREFIX + secrets.token_hex(8), secrets.token_bytes(64)
    written = client.put_object(Bucket=bucket, Key=key, Body=body)
    try:
        read = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        conditional = _refused(client, bucket, key)
    finally:
        client.delete_object(Bucket=bucket, Key=key)
    date = written["ResponseMetadata"]["HTTPHeaders"].get("date", "")
    return Trial(conditional, read == body, parsedate_to_datetime(date) if date else None)


def _refused(client: "S3Client", bucket: str, key: str) -> bool:
    try:
        client.put_object(Bucket=bucket, Key=key, Body=b"another", IfNoneMatch="*")
    except ClientError as error:
        if status_of(error) in (409, 412):
            return True
        if status_of(error) == 501:  # the store says that it knows no conditions
            return False
        raise
    return False
