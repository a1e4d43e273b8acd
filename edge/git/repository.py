"""A repository on disk: a bare one, with a lock that holds across tasks and processes."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from dulwich.object_store import DiskObjectStore

from edge.git import state
from edge.git.state import State

_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"


class Repository(msgspec.Struct, frozen=True):
    """Where a project's objects and refs are; it may not be there yet."""

    root: Path  # the forge's folder
    owner: str
    name: str

    @property
    def project(self) -> str:
        """Return the project's id, ``owner/name``."""
        return f"{self.owner}/{self.name}"

    @property
    def folder(self) -> Path:
        """Return the repository's own folder."""
        return self.root / self.owner / f"{self.name}.git"

    @property
    def objects(self) -> Path:
        """Return the folder of its objects."""
        return self.folder / "objects"

    def read(self) -> State | None:
        """Return its state, None before the first push."""
        return state.read(self.folder)

    def create(self) -> None:
        """Make the folders of a bare repository; harmless when they are there."""
        if (self.folder / "config").exists():
            return
        for part in ("objects/pack", "objects/info", "refs/heads", "refs/tags"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        with self.refs_locked():  # two first pushes may come at once
            state.replace(self.folder / "config", _CONFIG.encode())
        for folder in (self.objects, self.folder, self.folder.parent, self.root):
            state.fsync_folder(folder)

    @contextmanager
    def store(self, *more: Path) -> Iterator[DiskObjectStore]:
        """Open its objects, and those in the folders ``more``; close them at the end."""
        first, *rest = (*more, self.objects)
        store = DiskObjectStore(first, alternates=rest)
        try:
            yield store
        finally:
            store.close()

    @contextmanager
    def refs_locked(self) -> Iterator[None]:
        """Hold the one lock under which refs are compared and moved; blocks the thread."""
        with _flock(self.folder / "lock", fcntl.LOCK_EX):
            yield

    @contextmanager
    def packs_kept(self) -> Iterator[None]:
        """Keep pack files from being replaced meanwhile; any number may hold this at once."""
        with _flock(self.folder / "packs", fcntl.LOCK_SH):
            yield

    @contextmanager
    def packs_mine(self) -> Iterator[bool]:
        """Tell whether nobody reads packs, and keep it so; does not wait."""
        try:
            with _flock(self.folder / "packs", fcntl.LOCK_EX | fcntl.LOCK_NB):
                yield True
        except BlockingIOError:
            yield False


def repositories(root: Path) -> list[Repository]:
    """Return every repository that was ever pushed to."""
    return [
        Repository(root, path.parent.parent.name, path.parent.name.removesuffix(".git"))
        for path in sorted(root.glob(f"[a-z0-9]*/*.git/{state.FILE}"))
    ]


@contextmanager
def _flock(path: Path, how: int) -> Iterator[None]:
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(number, how)
        yield
    finally:
        os.close(number)  # which unlocks
