"""A bundle's files on disk: unpacked, measured, and made to last."""

import io
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from consumers.builder.images import BundleTooLarge
from schemas.errors import BuildFailed

FEW: Final = 200  # files that are synced one by one; for more the disk is asked as a whole


def extract(body: bytes, folder: Path) -> None:
    """Write an archive's files below ``folder``; raises BuildFailed for anything but files."""
    folder.mkdir(parents=True, mode=0o755)
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:") as tar:
        for entry in tar:
            path = PurePosixPath(entry.name)
            if not entry.isfile() or path.is_absolute() or ".." in path.parts:
                raise BuildFailed(f"the archive has {entry.name!r} in it, which is no plain file")
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            source = tar.extractfile(entry) or io.BytesIO()
            with target.open("xb") as file:
                shutil.copyfileobj(source, file)
            target.chmod(0o755 if entry.mode & 0o100 else 0o644)


def measure(folder: Path, most_bytes: int, most_files: int) -> None:
    """Raise BundleTooLarge over a limit, BuildFailed for a link that leads out."""
    size = count = 0
    root = folder.resolve()
    for path in _below(folder):
        count += 1
        if path.is_symlink():
            if not path.resolve().is_relative_to(root):
                name = path.relative_to(folder)
                raise BuildFailed(f"a dependency made the link {name}, which leads out")
            continue
        size += path.stat().st_size
        if size > most_bytes:
            raise BundleTooLarge(
                f"the function and its dependencies take more than {most_bytes} bytes",
                hint="ask for fewer or smaller packages",
            )
        if count > most_files:
            raise BundleTooLarge(f"more than {most_files} files", hint="ask for fewer packages")


def settle(made: Path, place: Path) -> None:
    """Move a bundle to its place; when this returns it survives a power cut."""
    _readable(made)
    files = [path for path in _below(made) if not path.is_symlink()]
    if len(files) <= FEW:
        for path in files:
            _sync(path)
    else:
        os.sync()
    try:
        made.rename(place)
    except OSError:
        if not place.is_dir():  # another builder was quicker: its bundle is the same
            raise
    _sync(place.parent)


def _readable(folder: Path) -> None:
    """Let everybody read, as the function runs under another user; nobody needs to write."""
    folder.chmod(0o755)
    for path in _below(folder):
        if not path.is_symlink():
            program = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if program else 0o644)


def _below(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        for name in (*folders, *files):
            yield Path(here, name)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
