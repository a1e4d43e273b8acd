"""Where blobs and objects lie: in a folder of the home, or in a bucket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from bus.blobs import Blobs, DirectoryBlobs
from bus.log import Bodies
from bus.objects import DirectoryObjects, Objects
from bus.settings import BusSettings, S3Settings
from bus.spool import Spool


class Stores(NamedTuple):
    """The stores of one process."""

    blobs: Blobs
    objects: Objects
    bodies: Bodies  # of large deliveries


@asynccontextmanager
async def opened(settings: BusSettings) -> AsyncIterator[Stores]:
    """Yield the stores that are chosen; nothing has been asked of them yet."""
    if settings.s3 is not None:
        async with _bucket(settings, settings.s3) as stores:
            yield stores
    else:
        folder = settings.blobs_folder or settings.home
        blobs = DirectoryBlobs(folder / "blobs")
        yield Stores(blobs, DirectoryObjects(folder / "objects"), blobs)


@asynccontextmanager
async def _bucket(settings: BusSettings, s3: S3Settings) -> AsyncIterator[Stores]:
    from bus.s3 import Bucket, S3Blobs, S3Objects  # slow to import, and not for a laptop

    bucket = Bucket(s3)
    blobs = S3Blobs(bucket)
    spool = Spool(blobs, settings.home / "spool")
    forwarding = asyncio.create_task(spool.forward(), name="spool")
    try:
        yield Stores(blobs, S3Objects(bucket), spool)
    finally:
        forwarding.cancel()
        with suppress(asyncio.CancelledError):
            await forwarding
        bucket.close()
