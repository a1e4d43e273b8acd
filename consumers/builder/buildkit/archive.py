"""An uncompressed tar archive as a context: indexed once, read in place, never unpacked."""

import io
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from consumers.builder.buildkit.entries import CHARACTER as CHAR
from consumers.builder.buildkit.entries import DEVICE, DIRECTORY, PIPE, SYMLINK, Entry, go_mode
from consumers.builder.buildkit.errors import ContextInvalid
from consumers.builder.buildkit.paths import by_name, clean, relative

PIECE: Final = 256 * 1024
SECOND: Final = 10**9  # nanoseconds
LATEST: Final = 2**33  # seconds; what is later does not fit in 64 bits of nanoseconds

_TYPES: Final = {
    tarfile.DIRTYPE: DIRECTORY,
    tarfile.SYMTYPE: SYMLINK,
    tarfile.CHRTYPE: DEVICE | CHAR,
    tarfile.BLKTYPE: DEVICE,
    tarfile.FIFOTYPE: PIPE,
    tarfile.REGTYPE: 0,
    tarfile.AREGTYPE: 0,
    tarfile.CONTTYPE: 0,
    tarfile.LNKTYPE: 0,
}


@dataclass(frozen=True, slots=True)
class TarContext:
    """A tar archive: its path, or its bytes."""

    archive: str | os.PathLike[str] | bytes = field(repr=False)
    prefix: str = ""  # the folder in it that is the context's root; "" for all of it

    def open(self) -> "TarTree":
        """Return the tree; raise ContextInvalid where the archive or a path in it is no good."""
        try:
            source = (
                _Memory(self.archive) if isinstance(self.archive, bytes) else _File(self.archive)
            )
            with tarfile.open(fileobj=source.reader(), mode="r:") as archive:
                return _Indexing(source, self.prefix).run(archive)
        except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
            raise ContextInvalid(f"not an uncompressed tar archive: {error}") from error
        except OSError as error:
            raise ContextInvalid(f"the archive cannot be read: {error.strerror}") from error


class _File:
    """A file's descriptor, closed when the last thread has let go of it."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        if hasattr(self, "descriptor"):
            os.close(self.descriptor)

    def reader(self) -> io.BufferedReader:
        """Return a reader with a position of its own, for one thread."""
        return os.fdopen(os.open(f"/proc/self/fd/{self.descriptor}", os.O_RDONLY), "rb")

    def read(self, at: int, size: int) -> bytes:
        """Return what stands at a place; positions are nobody's."""
        return os.pread(self.descriptor, size, at)


@dataclass(frozen=True, slots=True)
class _Memory:
    data: bytes

    def reader(self) -> io.BytesIO:
        """Return a reader with a position of its own."""
        return io.BytesIO(self.data)

    def read(self, at: int, size: int) -> bytes:
        """Return what stands at a place."""
        return self.data[at : at + size]


@dataclass(slots=True)
class TarTree:
    """Where each entry's content stands in the archive."""

    source: _File | _Memory
    origin: str = ""
    entries: dict[str, Entry] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)  # of a file's first byte
    folders: dict[str, list[Entry]] = field(default_factory=dict)

    def entry(self, path: str) -> Entry | None:
        """Return what stands at a path, no link followed; None for nothing."""
        return self.entries.get(path)

    def folder(self, path: str) -> list[Entry]:
        """Return what is in a folder, sorted by bytes; "" is the root."""
        return self.folders.get(path, [])

    def pieces(self, path: str, most: int) -> Iterator[bytes]:
        """Yield a file's content."""
        at, left = self.places[path], self.entries[path].size
        while left:
            piece = self.source.read(at, min(left, most))
            if not piece:
                raise ContextInvalid(f"the archive ends within {path}")
            yield piece
            at += len(piece)
            left -= len(piece)


@dataclass(slots=True)
class _Indexing:
    source: _File | _Memory
    prefix: str
    tree: TarTree = field(init=False)

    def __post_init__(self) -> None:
        self.tree = TarTree(self.source)

    def run(self, archive: tarfile.TarFile) -> TarTree:
        tree, root = self.tree, clean(self.prefix.strip("/"))
        for member in archive:
            path = relative(member.name)
            if path is None:
                raise ContextInvalid(f"{member.name!r} leads out of the archive")
            if member.size < 0 or "\0" in path:  # a size below 0 would lead back, for ever
                raise ContextInvalid(f"{member.name!r} has a header that makes no sense")
            if root != ".":
                if path != root and not path.startswith(root + "/"):
                    continue
                path = path[len(root) + 1 :]
            if path:
                self.add(member, path, root)
        self.complete()
        self.stamp()
        for path, entry in tree.entries.items():
            tree.folders.setdefault(path.rpartition("/")[0], []).append(entry)
        for entries in tree.folders.values():
            entries.sort(key=lambda entry: by_name(entry.path))
        return tree

    def add(self, member: tarfile.TarInfo, path: str, root: str) -> None:
        """Take up one member; a later one of the same path stands for it."""
        kind = _TYPES.get(member.type)
        if kind is None or member.issparse():
            raise ContextInvalid(f"{path!r} is of a kind that archives of contexts may not have")
        mtime = min(max(int(member.mtime), 0), LATEST) * SECOND
        entry = Entry(path, go_mode(member.mode & 0o7777) | kind, mtime=mtime)
        if member.issym():
            entry.link, entry.size = member.linkname, len(os.fsencode(member.linkname))
        elif member.islnk():
            self.link(entry, member.linkname, root)
        elif not kind:
            entry.size = member.size
            self.tree.places[path] = member.offset_data
        elif kind & DEVICE:
            entry.device = os.makedev(member.devmajor, member.devminor)
        self.tree.entries[path] = entry

    def link(self, entry: Entry, target: str, root: str) -> None:
        """Make an entry one more name of a file that stands before it."""
        path = relative(target)
        if path is not None and root != ".":
            path = path[len(root) + 1 :] if path.startswith(root + "/") else None
        first = self.tree.entries.get(path) if path else None
        if first is None or not first.is_file:
            raise ContextInvalid(f"{entry.path!r} is a link to {target!r}, which is not before it")
        entry.mode, entry.size, entry.mtime = first.mode, first.size, first.mtime
        first.same = entry.same = first.path if first.same is None else first.same
        self.tree.places[entry.path] = self.tree.places[first.path]

    def complete(self) -> None:
        """Add the folders that the archive does not name."""
        entries = self.tree.entries
        for path in list(entries):
            above = path.rpartition("/")[0]
            while above and above not in entries:
                entries[above] = Entry(above, DIRECTORY | 0o755)
                above = above.rpartition("/")[0]
            if above and not entries[above].is_folder:
                raise ContextInvalid(f"{path!r} lies below {above!r}, which is not a folder")

    def stamp(self) -> None:
        """Let a file's time tell its content, and the tree's origin the whole of it.

        BuildKit takes a file of the same path, size, mode and time as one it has from before, and
        archives are packed with one time for all. Layers keep whole seconds: nobody sees the rest.
        """
        whole = blake2b(digest_size=16)
        for path, entry in self.tree.entries.items():
            if entry.is_file:
                content = blake2b(digest_size=8)
                for piece in self.tree.pieces(path, PIECE):
                    content.update(piece)
                entry.mtime += int.from_bytes(content.digest(), "big") % SECOND
            whole.update(repr((path, entry.mode, entry.size, entry.mtime, entry.link)).encode())
        self.tree.origin = whole.hexdigest()
