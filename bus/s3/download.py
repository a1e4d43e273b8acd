"""An object's bytes as they come, over broken connections: gone on with where one broke."""

import time
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Final, TypedDict

from botocore.exceptions import BotoCoreError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

CHUNK: Final = 256 * 1024  # bytes
PAUSE: Final = 0.2  # seconds before the second attempt; twice as long before each further one


class Place(TypedDict, total=False):
    """Arguments of a read."""

    Range: str


def download(
    client: "S3Client", bucket: str, key: str, take: Callable[[bytes], object], *, attempts: int
) -> None:
    """Hand all bytes to ``take``, in order; the client raises for what cannot be had.

    ``attempts``: how many connections in a row may break without having brought anything.
    """
    taken = fruitless = 0
    while True:
        place = Place(Range=f"bytes={taken}-") if taken else Place()  # none: it may be empty
        answer = client.get_object(Bucket=bucket, Key=key, **place)  # repeats by itself
        known = 0 if answer["ResponseMetadata"]["HTTPStatusCode"] == 206 else taken
        try:
            with closing(answer["Body"]) as body:
                for chunk in body.iter_chunks(CHUNK):
                    fresh, known = chunk[known:], max(0, known - len(chunk))
                    taken += len(fresh)
                    fruitless = 0 if fresh else fruitless
                    take(fresh)
        except BotoCoreError:
            fruitless += 1
            if fruitless >= attempts:
                raise
            time.sleep(PAUSE * 2 ** (fruitless - 1))
        else:
            return
