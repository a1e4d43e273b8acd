"""A folder that a daemon's output lands in, entry by entry; nothing leaves it.

Every part of a path is opened from the folder above it without following links, so it does not
matter what the output, or somebody else at the same time, puts in the way.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from consumers.builder.buildkit.entries import DIRECTORY, SYMLINK, TYPE
from consumers.builder.buildkit.errors import OutputRefused
from consumers.builder.buildkit.http2.stream import framed
from consumers.builder.buildkit.paths import relative
from consumers.builder.pb.wire_pb2 import Packet, Stat

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FRESH: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(slots=True)
class _File:
    path: str
    mode: int
    mtime: int
    descriptor: int = -1


class Landing:
    """Takes packets, returns what to answer; blocks."""

    def __init__(self, path: Path, most: int | None) -> None:
        """Open the folder; make it where it is missing."""
        path.mkdir(parents=True, exist_ok=True)
        self.done = False
        self._root = os.open(path, FOLDER & ~os.O_NOFOLLOW)
        self._left = most
        self._count = 0
        self._listed = False
        self._files: dict[int, _File] = {}  # wanted, and not whole yet
        self._kinds: dict[str, bool] = {"": True}  # what has come: is it a folder?
        self._times: list[tuple[str, int]] = []  # of folders, set when nothing changes in them

    def take(self, messages: list[bytes]) -> bytes:
        """Do what some packets say; raise OutputRefused."""
        answers: list[Packet] = []
        for message in messages:
            packet = Packet.FromString(message)
            if packet.type == Packet.PACKET_STAT and packet.HasField("stat"):
                answers += self._entry(packet.stat)
            elif packet.type == Packet.PACKET_STAT:
                self._listed = True
                answers += self._finished()
            elif packet.type == Packet.PACKET_DATA:
                self._data(packet.ID, packet.data)
                answers += self._finished()
            elif packet.type == Packet.PACKET_FIN:
                self.done = True
            elif packet.type == Packet.PACKET_ERR:
                raise OutputRefused(f"the daemon gave up: {packet.data.decode(errors='replace')}")
        return b"".join(framed(answer.SerializeToString()) for answer in answers)

    def close(self) -> None:
        """Close everything that is open."""
        for file in self._files.values():
            if file.descriptor >= 0:
                os.close(file.descriptor)
        self._files.clear()
        os.close(self._root)

    def _entry(self, said: Stat) -> list[Packet]:
        """Make one entry; ask for its content where it has some."""
        path, number = os.fsdecode(said.path), self._count
        self._count += 1
        above, _, name = path.rpartition("/")
        if not name or "\0" in path or relative(path) != path:
            raise OutputRefused(f"the output has a path that leads elsewhere: {path!r}")
        if not self._kinds.get(above):
            raise OutputRefused(f"the output has {path!r} before its folder")
        kind = said.mode & TYPE
        self._kinds[path] = kind == DIRECTORY
        folder = self._open(above)
        try:
            if kind == DIRECTORY:
                self._folder(folder, name, said)
                self._times.append((path, said.modTime))
                return []
            _remove(folder, name, path)
            if kind == SYMLINK:
                os.symlink(os.fsdecode(said.linkname), name, dir_fd=folder)
            elif kind:
                raise OutputRefused(f"the output has a device or a pipe: {path!r}")
            elif said.linkname:
                self._link(folder, name, os.fsdecode(said.linkname))
            else:
                os.close(os.open(name, FRESH, 0o600, dir_fd=folder))
                self._files[number] = _File(path, said.mode & 0o777, said.modTime)
                return [Packet(type=Packet.PACKET_REQ, ID=number)]
        except OSError as error:
            raise OutputRefused(f"{path!r} cannot be written: {error.strerror}") from error
        finally:
            os.close(folder)
        return []

    def _open(self, path: str) -> int:
        """Return a descriptor of a folder, reached from the root step by step."""
        descriptor = os.dup(self._root)
        for name in path.split("/") if path else ():
            try:
                below = os.open(name, FOLDER, dir_fd=descriptor)
            except OSError as error:
                raise OutputRefused(f"{path!r} is not a folder here: {error.strerror}") from error
            finally:
                os.close(descriptor)
            descriptor = below
        return descriptor

    def _folder(self, above: int, name: str, said: Stat) -> None:
        try:
            os.mkdir(name, 0o700, dir_fd=above)
        except FileExistsError:
            if not stat.S_ISDIR(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode):
                os.unlink(name, dir_fd=above)
                os.mkdir(name, 0o700, dir_fd=above)
        descriptor = os.open(name, FOLDER, dir_fd=above)
        try:
            os.fchmod(descriptor, said.mode & 0o777 | 0o700)
        finally:
            os.close(descriptor)

    def _link(self, folder: int, name: str, target: str) -> None:
        above, _, first = target.rpartition("/")
        if self._kinds.get(target) is not False:
            raise OutputRefused(f"the output links to {target!r}, which it has not sent")
        source = self._open(above)
        try:
            os.link(first, name, src_dir_fd=source, dst_dir_fd=folder, follow_symlinks=False)
        finally:
            os.close(source)

    def _data(self, number: int, data: bytes) -> None:
        file = self._files.get(number)
        if file is None:
            raise OutputRefused("the output has content that was not asked for")
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                raise OutputRefused("the output is larger than it may be")
        if file.descriptor < 0:
            file.descriptor = self._reopen(file.path)
        view = memoryview(data)
        while view:
            view = view[os.write(file.descriptor, view) :]
        if not data:
            os.fchmod(file.descriptor, file.mode)
            os.utime(file.descriptor, ns=(file.mtime, file.mtime))
            os.close(file.descriptor)
            del self._files[number]

    def _reopen(self, path: str) -> int:
        """Return a descriptor to write a file that was made empty.

        Opened only now: a large output would need thousands of descriptors at once.
        """
        above, _, name = path.rpartition("/")
        folder = self._open(above)
        try:
            descriptor = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        except OSError as error:
            raise OutputRefused(f"{path!r} cannot be written: {error.strerror}") from error
        finally:
            os.close(folder)
        return descriptor

    def _finished(self) -> list[Packet]:
        """Say so, once everything is here."""
        if not self._listed or self._files:
            return []
        for path, mtime in reversed(self._times):
            folder = self._open(path)
            os.utime(folder, ns=(mtime, mtime))
            os.close(folder)
        return [Packet(type=Packet.PACKET_FIN)]


def _remove(folder: int, name: str, path: str) -> None:
    """Make room for a file; a folder stays, and is an error."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError) as error:
        raise OutputRefused(f"{path!r} is a folder already") from error
