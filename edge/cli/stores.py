"""Which store the settings choose, told to those who put or get blobs."""

from pathlib import Path

import msgspec

from bus.settings import BusSettings, S3Settings
from edge.cli.settings import Settings
from edge.cli.variables import variable
from schemas.errors import SettingInvalid


def with_blobs(bus: BusSettings, chosen: Settings) -> BusSettings:
    """Return how the log is met, with the stores that the settings choose.

    Raises SettingInvalid for half a key.
    """
    folder = Path(chosen.blobs_folder).absolute() if chosen.blobs_folder else None
    s3 = _s3(chosen) if chosen.blobs == "s3" else None
    return msgspec.structs.replace(bus, blobs_folder=folder, s3=s3)


def _s3(chosen: Settings) -> S3Settings:
    if bool(chosen.s3_access_key) != bool(chosen.s3_secret_key):
        missing = "s3_secret_key" if chosen.s3_access_key else "s3_access_key"
        raise SettingInvalid(
            f"{variable(missing)} is not set, and the other key is",
            hint="set both, or neither where the machine has a role of its own",
        )
    return S3Settings(
        bucket=chosen.s3_bucket,
        url=chosen.s3_url,
        region=chosen.s3_region,
        addressing=chosen.s3_addressing,
        access_key=chosen.s3_access_key,
        secret_key=chosen.s3_secret_key,
    )
