"""S3: an object for each 1,000 sequences, written over while it fills.

Its key is where it begins, its content all that the filters let through of its range: whoever
writes it twice, or later, writes the same bytes or more of them.
"""

from collections.abc import Sequence
from typing import Final

from bus.objects import Objects
from bus.s3 import Bucket, S3Objects
from consumers.audit.record import Line
from consumers.audit.sinks.settings import S3

RANGE: Final = 1000  # sequences


class ObjectSink:
    """Writes objects into a bucket of any S3 store."""

    most = 0  # an object is written whole

    def __init__(self, settings: S3, objects: Objects | None = None) -> None:
        """Write into the bucket of the settings; ``objects`` in its place, if given."""
        self._objects = objects or S3Objects(Bucket(settings.store()))
        self._prefix = settings.prefix
        self.linger = settings.seconds

    def window(self, after: int) -> tuple[int, int]:
        """Return the whole range of the object that the next record belongs into."""
        begin = after // RANGE * RANGE
        return begin, begin + RANGE

    async def take(self, records: Sequence[Line]) -> None:
        """Write the object anew; raises BlobsUnavailable."""
        begin = (records[0].seq - 1) // RANGE * RANGE + 1
        body = b"".join(line.text + b"\n" for line in records)
        await self._objects.write(key(self._prefix, begin), body)


def key(prefix: str, begin: int) -> str:
    """Return where the records from ``begin`` on are: twelve digits sort as numbers do."""
    return f"{prefix}/{begin:012d}-{begin + RANGE - 1:012d}.jsonl"
