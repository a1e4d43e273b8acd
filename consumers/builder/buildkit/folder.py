"""A folder of this machine as a context."""

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from consumers.builder.buildkit.entries import Entry, go_mode
from consumers.builder.buildkit.errors import ContextInvalid
from consumers.builder.buildkit.paths import by_name

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class FolderContext:
    """A folder, as it is when the daemon asks for it; sockets in it are left out."""

    path: str | os.PathLike[str]

    def open(self) -> "FolderTree":
        """Return the tree; raise ContextInvalid where there is no such folder."""
        try:
            root = Path(self.path).resolve(strict=True)
            os.close(os.open(root, FOLDER))
        except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
            raise ContextInvalid(f"{self.path} is not a folder that can be read") from error
        return FolderTree(str(root), f"{socket.gethostname()}:{root}")


@dataclass(frozen=True, slots=True)
class FolderTree:
    """The folder's entries, read afresh at every call."""

    root: str
    origin: str

    def entry(self, path: str) -> Entry | None:
        """Return what stands at a path, no link followed; None for nothing."""
        full = f"{self.root}/{path}"
        try:
            return _entry(path, full, os.lstat(full))
        except (OSError, ValueError):
            return None

    def folder(self, path: str) -> list[Entry]:
        """Return what is in a folder, sorted by bytes; what vanishes meanwhile is not."""
        try:
            descriptor = os.open(f"{self.root}/{path}", FOLDER)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                return []
            raise ContextInvalid(f"{path or '.'} cannot be read: {error.strerror}") from error
        start = f"{path}/" if path else ""
        entries = []
        try:
            with os.scandir(descriptor) as found:
                names = sorted(found, key=lambda one: by_name(one.name))
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    status = name.stat(follow_symlinks=False)
                    if not stat.S_ISSOCK(status.st_mode):
                        inside = start + name.name
                        entries.append(_entry(inside, f"{self.root}/{inside}", status))
        finally:
            os.close(descriptor)
        return entries

    def pieces(self, path: str, most: int) -> Iterator[bytes]:
        """Yield a file's content up to its end as it is now."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(f"{self.root}/{path}", flags)
        except OSError as error:
            raise ContextInvalid(f"{path} cannot be read: {error.strerror}") from error
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ContextInvalid(f"{path} is no file any more")
            while piece := os.read(descriptor, most):
                yield piece
        except OSError as error:
            raise ContextInvalid(f"{path} cannot be read: {error.strerror}") from error
        finally:
            os.close(descriptor)


def _entry(path: str, full: str, status: os.stat_result) -> Entry:
    entry = Entry(path, go_mode(status.st_mode), mtime=status.st_mtime_ns)
    if stat.S_ISLNK(status.st_mode):
        entry.link = os.readlink(full)  # noqa: PTH115 - thousands of them
        entry.size = status.st_size
    elif stat.S_ISREG(status.st_mode):
        entry.size = status.st_size
        if status.st_nlink > 1:
            entry.same = status.st_dev, status.st_ino
    elif stat.S_ISBLK(status.st_mode) or stat.S_ISCHR(status.st_mode):
        entry.device = status.st_rdev
    return entry
