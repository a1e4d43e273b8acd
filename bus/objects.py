"""Objects: things with a name, which may be written over; blobs have none and may not."""

import re
from pathlib import Path
from typing import Final, Protocol

from bus.blobs import make_folder, sync_folder, write_whole
from bus.blocking import run_blocking
from schemas.errors import KeyInvalid, ObjectMissing

LONGEST_PART: Final = 200  # bytes; a file's name may have 255, and a temporary one is longer
LONGEST: Final = 1024  # bytes; S3's own limit

_part = re.compile(r"[A-Za-z0-9_.+=@~-]+").fullmatch


class Objects(Protocol):
    """Storage by name; shared between tasks and processes.

    A key is words between slashes. All raise KeyInvalid for another, BlobsUnavailable when the
    store does not answer.
    """

    async def write(self, key: str, body: bytes) -> None:
        """Store the bytes under the key, whole or not at all, instead of what was there."""
        ...

    async def read(self, key: str) -> bytes:
        """Return the bytes; ObjectMissing where there are none."""
        ...

    async def has(self, key: str) -> bool:
        """Tell whether there is such an object."""
        ...

    async def delete(self, key: str) -> None:
        """Remove the object; twice is harmless."""
        ...


def checked(key: str) -> str:
    """Return the key; KeyInvalid where it would lead elsewhere, or a store would not take it."""
    parts = key.split("/")
    if len(key) > LONGEST or len(parts) < 2:
        raise KeyInvalid(f"an object's key has several parts and at most {LONGEST} bytes")
    for part in parts:
        if part in ("", ".", "..") or len(part) > LONGEST_PART or not _part(part):
            raise KeyInvalid(f"{part[:LONGEST_PART]!r} cannot be part of an object's key")
    return key


class DirectoryObjects:
    """Objects as files, whose paths are the keys."""

    def __init__(self, folder: Path) -> None:
        """Keep the objects in ``folder``."""
        self._folder = folder

    async def write(self, key: str, body: bytes) -> None:
        """Store the bytes; when this returns they survive a power cut."""
        await run_blocking(self._write, self._folder / checked(key), body)

    async def read(self, key: str) -> bytes:
        """Return the bytes."""
        try:
            return await run_blocking((self._folder / checked(key)).read_bytes)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise ObjectMissing(f"no object {key}") from error

    async def has(self, key: str) -> bool:
        """Tell whether there is such a file."""
        return await run_blocking((self._folder / checked(key)).is_file)

    async def delete(self, key: str) -> None:
        """Remove the file."""
        await run_blocking(self._delete, self._folder / checked(key))

    def _write(self, path: Path, body: bytes) -> None:
        try:
            make_folder(path.parent)
            write_whole(path, body)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise KeyInvalid("another object's key is part of this one") from error

    def _delete(self, path: Path) -> None:
        try:
            path.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return
        sync_folder(path.parent)
