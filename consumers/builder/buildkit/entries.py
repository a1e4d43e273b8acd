"""One entry of a tree of files, as it travels."""

import os
import stat
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from consumers.builder.pb.wire_pb2 import Stat

# Bits of Go's os.FileMode, beside the permissions.
DIRECTORY: Final = 1 << 31
SYMLINK: Final = 1 << 27
DEVICE: Final = 1 << 26
PIPE: Final = 1 << 25
SOCKET: Final = 1 << 24
SETUID: Final = 1 << 23
SETGID: Final = 1 << 22
CHARACTER: Final = 1 << 21
STICKY: Final = 1 << 20
IRREGULAR: Final = 1 << 19
TYPE: Final = DIRECTORY | SYMLINK | DEVICE | PIPE | SOCKET | CHARACTER | IRREGULAR

_TYPES: Final = {
    stat.S_IFDIR: DIRECTORY,
    stat.S_IFLNK: SYMLINK,
    stat.S_IFBLK: DEVICE,
    stat.S_IFCHR: DEVICE | CHARACTER,
    stat.S_IFIFO: PIPE,
    stat.S_IFSOCK: SOCKET,
}
_BITS: Final = {stat.S_ISUID: SETUID, stat.S_ISGID: SETGID, stat.S_ISVTX: STICKY}


@dataclass(slots=True)
class Entry:
    """A file, folder, link or device; never owned by anybody in particular."""

    path: str  # relative, no "." or ".." in it; what is not UTF-8 in surrogates
    mode: int  # bits of Go's os.FileMode
    size: int = 0
    mtime: int = 0  # nanoseconds
    link: str = ""  # a symlink's text; in a list that is sent also the first name of a hard link
    same: Hashable = None  # files that are equal in this are one file of several names
    device: int = 0

    @property
    def is_folder(self) -> bool:
        """Tell whether entries may lie below."""
        return bool(self.mode & DIRECTORY)

    @property
    def is_symlink(self) -> bool:
        """Tell whether it is a symbolic link."""
        return bool(self.mode & SYMLINK)

    @property
    def is_file(self) -> bool:
        """Tell whether it has content."""
        return not self.mode & TYPE

    def wire(self) -> Stat:
        """Return what is sent of it; uid and gid are 0."""
        return Stat(
            path=os.fsencode(self.path),
            mode=self.mode,
            size=self.size,
            modTime=self.mtime,
            linkname=os.fsencode(self.link),
            devmajor=os.major(self.device),
            devminor=os.minor(self.device),
        )


def go_mode(mode: int) -> int:
    """Return st_mode in the bits of Go's os.FileMode."""
    bits = mode & 0o777 | _TYPES.get(stat.S_IFMT(mode), 0)
    for ours, theirs in _BITS.items():
        if mode & ours:
            bits |= theirs
    return bits
