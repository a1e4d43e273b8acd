"""Many small packs into one: each push leaves one, and every look-up asks all of them."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog
from dulwich.object_store import DiskObjectStore
from dulwich.pack import write_pack_from_container, write_pack_index

from edge.git.repository import Repository
from edge.git.state import fsync_folder

log = structlog.get_logger(__name__)

MOST: Final = 50  # packs


def repack(repository: Repository, most: int) -> bool:
    """Replace more than ``most`` packs by one, unless somebody is reading; tell whether it did.

    Nothing is left out: an object nobody names any more may still be named by the next push.
    """
    folder = repository.objects / "pack"
    old = sorted(folder.glob("pack-*.pack"))
    if len(old) <= most:
        return False
    with repository.packs_mine() as mine:
        if not mine:
            return False
        for left in folder.glob("tmp_pack_*"):  # by a process that was killed in here
            left.unlink()
        with repository.store() as store:
            fresh = _write(store, folder)
        for path in old:
            if path != fresh:
                path.with_suffix(".idx").unlink(missing_ok=True)
                path.unlink(missing_ok=True)
        fsync_folder(folder)
    log.info("repository_repacked", project=repository.project, packs=len(old))
    return True


def _write(store: DiskObjectStore, folder: Path) -> Path:
    """Write all objects as one pack, its index last, both fsynced; return its path."""
    ids = sorted(set(store))
    number, name = tempfile.mkstemp(dir=folder, prefix="tmp_pack_")
    try:
        with os.fdopen(number, "wb") as file:
            entries, checksum = write_pack_from_container(
                file.write, store, [(id, None) for id in ids], store.object_format
            )
            file.flush()
            os.fsync(file.fileno())
        path = folder / f"pack-{checksum.hex()}.pack"
        Path(name).replace(path)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()
    index = sorted((sha, offset, crc) for sha, (offset, crc) in entries.items())
    fresh = path.with_suffix(".tmp")
    with fresh.open("wb") as file:
        write_pack_index(file, index, checksum)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path.with_suffix(".idx"))
    fsync_folder(folder)
    return path
