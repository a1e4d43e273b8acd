"""Pushed objects, kept apart until they are known to be whole.

The rule of every store here: an object is let in only when all it names is in, too. So a ref may
point at anything that is there, and no push has to walk the history.
"""

import contextlib
import fcntl
import os
import shutil
import struct
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from dulwich.errors import ApplyDeltaError, ChecksumMismatch, FileFormatException
from dulwich.object_store import DiskObjectStore
from dulwich.objects import S_ISGITLINK, Commit, ObjectID, ShaFile, Tag, Tree
from dulwich.pack import PackInflater, UnresolvedDeltas

from edge.git.errors import PackRefused
from edge.git.repository import Repository
from edge.git.state import fsync_folder
from edge.git.weigh import Limits, weigh

FOLDER: Final = ".incoming"  # no owner's name starts with a dot

# All that dulwich raises over a pack that was made by hand.
DAMAGE: Final = (
    ApplyDeltaError, AssertionError, AttributeError, ChecksumMismatch, EOFError,
    FileFormatException, IndexError, KeyError, OverflowError, TypeError, UnresolvedDeltas,
    ValueError, struct.error, zlib.error,
)  # fmt: skip


@contextmanager
def quarantine(root: Path) -> Iterator[Path]:
    """Yield a folder for one push, gone afterwards; its lock says that somebody is at work."""
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=root / FOLDER))
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(number, fcntl.LOCK_SH)
        yield folder
    finally:
        os.close(number)
        shutil.rmtree(folder, ignore_errors=True)


def sweep(root: Path) -> None:
    """Remove what killed processes left in quarantine."""
    for folder in (root / FOLDER).glob("*"):
        number = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass
        finally:
            os.close(number)


def take_in(file: IO[bytes], folder: Path, repository: Repository, limits: Limits) -> None:
    """Store the pack that starts where ``file`` stands in the quarantine ``folder``.

    Raises PackRefused unless it is undamaged, within the limits and whole: every object named by
    one of its objects is in it or in the repository.
    """
    (folder / "pack").mkdir()
    if weigh(file, limits) == 0:
        return
    with repository.store(folder) as store:
        try:
            store.add_thin_pack(file.read, file.read, max_input_size=limits.body)
            for pack in store.packs:
                if Path(pack.data.path).is_relative_to(folder):
                    for thing in PackInflater.for_pack_data(pack.data):
                        _check(thing, store)
        except DAMAGE as error:
            raise PackRefused(f"the pack is damaged or not whole: {_said(error)}") from error


def release(folder: Path, repository: Repository) -> None:
    """Move the packs out of quarantine into the repository, durably; once more is harmless."""
    source, goal = folder / "pack", repository.objects / "pack"
    if not source.is_dir():
        return
    for ending in (".pack", ".idx"):  # a pack counts from when its index is there
        for path in source.glob(f"*{ending}"):
            with path.open("rb") as file:
                os.fsync(file.fileno())
            with contextlib.suppress(FileNotFoundError):
                path.replace(goal / path.name)
        fsync_folder(goal)


def _check(thing: ShaFile, store: DiskObjectStore) -> None:
    """Raise PackRefused unless all that ``thing`` names is there."""
    for named in _named(thing):
        if named not in store:
            kind, this = thing.type_name.decode(), thing.id.decode()
            raise PackRefused(f"{kind} {this} names {named.decode()}, which is missing")


def _named(thing: ShaFile) -> list[ObjectID]:
    match thing:
        case Commit():
            return [thing.tree, *thing.parents]
        case Tag():
            return [thing.object[1]]
        case Tree():
            thing.check()  # no .git, no .., no name twice
            return [entry.sha for entry in thing.iteritems() if not S_ISGITLINK(entry.mode)]
        case _:
            return []


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
