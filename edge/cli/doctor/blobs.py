"""The blobs: a folder that is written, or a bucket that does all that is asked of it."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bus.blobs import DirectoryBlobs
from edge.cli.doctor.finding import Check, Outcome, Subject, fail, off, ok, warn
from edge.cli.doctor.machine import apart
from edge.cli.stores import with_blobs
from edge.cli.variables import variable


async def folder(subject: Subject) -> Outcome:
    """Write a blob into a folder beside the others, and read it back."""
    if subject.chosen.blobs != "directory":
        return off("not configured: blobs are in a bucket")
    at = Path(subject.chosen.blobs_folder or subject.home)
    if not at.is_dir():
        if subject.chosen.blobs_folder:
            return fail(f"{at} is not there", "make it, or mount it: all processes share it")
        return off(f"{at} is not there yet; the first start makes it")
    try:
        with tempfile.TemporaryDirectory(dir=at, prefix=".doctor-") as beside:
            blobs = DirectoryBlobs(Path(beside))
            await blobs.get(await blobs.put(b"doctor"))
    except OSError as error:
        return fail(
            f"{at}: {error.strerror}",
            "mount a disk there, or give it to the user that Pushline runs as",
        )
    return ok(f"blobs are written and read in {at}")


async def bucket(subject: Subject) -> Outcome:
    """Write, read and delete an object, and see whether a condition holds."""
    chosen = subject.chosen
    if chosen.blobs != "s3":
        return off(f"not configured: {variable('blobs')}=s3")
    from bus.s3 import Bucket  # boto3, half a second that only a bucket has to wait for
    from bus.s3.trial import trial
    from bus.settings import BusSettings

    told = with_blobs(BusSettings(home=subject.home), chosen).s3
    if told is None:
        return off("not configured")
    store = Bucket(told)
    try:
        found = await trial(store)
    finally:
        store.close()
    if not found.same:
        return fail(
            f"{told.endpoint} gave back other bytes", "look at the store, and what is before it"
        )
    if found.clock is not None:
        skew = apart(datetime.now(UTC), found.clock, told.endpoint)
        if skew.state != "ok" and abs(datetime.now(UTC) - found.clock).total_seconds() > 3:
            return skew  # its clock is told in whole seconds
    if not found.conditional:
        return warn(
            f"{told.endpoint} knows no conditional writes: a blob may be written twice",
            "harmless, for both are the same; a newer release of the store knows them",
        )
    return ok(f"written, read and deleted in the bucket {told.bucket} at {told.endpoint}")


CHECKS: Final = (
    Check("blobs.folder", folder),
    Check("blobs.bucket", bucket, 30),
)
