"""Where blobs lie, for the bus."""

from pathlib import Path

import msgspec

from bus.settings import BusSettings, S3Settings
from edge.cli.settings import Settings


def with_blobs(bus: BusSettings, chosen: Settings) -> BusSettings:
    """Return how the log is met, with the stores that the settings choose."""
    if chosen.blobs == "s3":
        return msgspec.structs.replace(
            bus,
            s3=S3Settings(
                bucket=chosen.s3_bucket,
                url=chosen.s3_url,
                region=chosen.s3_region,
                addressing=chosen.s3_addressing,
                access_key=chosen.s3_access_key,
                secret_key=chosen.s3_secret_key,
            ),
        )
    if chosen.blobs_folder:
        return msgspec.structs.replace(bus, blobs_folder=Path(chosen.blobs_folder).absolute())
    return bus
