"""Where blobs and objects lie: in a folder of the home, or in a bucket."""

from collections.abc import Callable
from typing import NamedTuple

from bus.blobs import Blobs, DirectoryBlobs
from bus.objects import DirectoryObjects, Objects
from bus.settings import BusSettings


class Stores(NamedTuple):
    """The stores of one process."""

    blobs: Blobs
    objects: Objects
    close: Callable[[], None]


def stores(settings: BusSettings) -> Stores:
    """Return the stores that are chosen; nothing is asked of them yet."""
    if settings.s3 is None:
        folder = settings.blobs_folder or settings.home
        blobs = DirectoryBlobs(folder / "blobs")
        return Stores(blobs, DirectoryObjects(folder / "objects"), _nothing)
    from bus.s3 import Bucket, S3Blobs, S3Objects  # slow to import, and not for a laptop

    bucket = Bucket(settings.s3)
    return Stores(S3Blobs(bucket), S3Objects(bucket), bucket.close)


def _nothing() -> None:
    """Close a store that holds nothing open."""
