"""An archive as a file on this machine, for as long as a build reads it; nothing is unpacked."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bus.blobs import Blobs, DirectoryBlobs
from bus.blocking import run_blocking
from schemas.errors import BlobDamaged, BlobMissing
from schemas.ids import Digest


@asynccontextmanager
async def on_disk(blobs: Blobs, digest: Digest, work: Path) -> AsyncIterator[Path]:
    """Yield a blob's file: its own where it lies in a folder, else a copy below ``work``.

    Raises BlobMissing and BlobDamaged.
    """
    if isinstance(blobs, DirectoryBlobs):
        path = blobs.path(digest)
        await run_blocking(_verify, path, digest)
        yield path
        return
    folder = await run_blocking(_folder, work)
    try:
        await blobs.fetch(digest, folder / "context.tar")
        yield folder / "context.tar"
    finally:
        await run_blocking(shutil.rmtree, folder, ignore_errors=True)


def _verify(path: Path, digest: Digest) -> None:
    try:
        with path.open("rb") as body:
            found = hashlib.file_digest(body, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise BlobMissing(f"no blob {digest}") from error
    if f"sha256:{found}" != digest:
        raise BlobDamaged(f"the bytes of {digest} are others")


def _folder(work: Path) -> Path:
    """Make a folder, and remove those of processes that were killed."""
    work.mkdir(parents=True, exist_ok=True)
    for old in work.glob("build.*.*"):
        pid = old.name.split(".")[1]
        if pid.isdigit() and int(pid) != os.getpid() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"build.{os.getpid()}.", dir=work))
