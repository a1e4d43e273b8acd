"""A commit's files, read from its objects and confined: nothing here touches a file system.

Links that stay within the repository are followed, all others are refused by name. Names that
could do harm once they are written to a disk are refused wherever they stand.
"""

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from consumers.source.limits import Deadline, Refused, SourceSettings, refused
from consumers.source.pack import Objects
from schemas.errors import SourceUnavailable
from schemas.events.run import Problem

DEPTH: Final = 64
HOPS: Final = 40  # links followed for one path, as Linux does
_LFS: Final = b"version https://git-lfs.github.com/spec/"
# How git's own folder can be spelt on file systems that are less strict.
_GIT: Final = frozenset({".git", "git~1", ".git.", ".git ", ".git\u200c"})

Kind = Literal["file", "program", "link", "folder", "module"]
_KINDS: Final[dict[int, Kind]] = {0o04: "folder", 0o10: "file", 0o12: "link", 0o16: "module"}


class Entry(msgspec.Struct, frozen=True):
    """One name in the repository."""

    kind: Kind
    sha: str


class File(msgspec.Struct, frozen=True):
    """A file to be packed, links resolved."""

    path: str  # below the folder that was walked
    body: bytes
    program: bool


class Outside(Exception):
    """A path does not lead to anything in the repository; the text says why."""


class Tree:
    """All of a commit's names, flat, and the contents behind them."""

    def __init__(
        self, commit: str, objects: Objects, limits: SourceSettings, deadline: Deadline
    ) -> None:
        """Read every name; raises Refused for hostile ones and for too many."""
        self.objects = objects
        self.limits = limits
        self.deadline = deadline
        self.entries: dict[str, Entry] = {}
        self.children: dict[str, list[str]] = {"": []}
        hostile: list[Problem] = []
        self._read(self._root(commit), len(commit) // 2, hostile)
        if hostile:
            raise Refused("source_hostile", tuple(hostile[:100]))

    def _root(self, commit: str) -> str:
        kind, body = self._object(commit)
        if kind != b"commit" or not body.startswith(b"tree "):
            raise refused("source_refused", f"{commit} is not a commit")
        return body[5:].split(b"\n", 1)[0].decode("ascii", "replace")

    def _object(self, sha: str) -> tuple[bytes, bytes]:
        if sha not in self.objects:
            raise SourceUnavailable(f"the forge left out the object {sha}")
        return self.objects[sha]

    def _read(self, root: str, width: int, hostile: list[Problem]) -> None:
        waiting = [("", root)]
        while waiting:
            self.deadline.check()
            folder, sha = waiting.pop()
            for mode, name, found in _entries(self._object(sha)[1], width):
                path = f"{folder}/{name}" if folder else name
                why = "stands twice" if path in self.entries else harm(name)
                if why:
                    shown = path.encode("unicode_escape", "backslashreplace").decode()
                    hostile.append(Problem(f"{shown}: {why}", "rename it", "repository"))
                    continue
                kind = _KINDS.get(mode >> 12, "module")
                if kind == "file" and mode & 0o100:
                    kind = "program"
                self._add(folder, path, Entry(kind, found))
                if kind == "folder":
                    self.children[path] = []
                    waiting.append((path, found))

    def _add(self, folder: str, path: str, entry: Entry) -> None:
        self.entries[path] = entry
        self.children[folder].append(path)
        if len(self.entries) > self.limits.files:
            message = f"more than {self.limits.files} files"
            raise refused("source_too_large", message, "make the repository smaller")
        if path.count("/") > DEPTH:
            message = f"folders nested deeper than {DEPTH}"
            raise refused("source_too_large", message, "use fewer folders within folders")

    def resolve(self, path: str) -> str:
        """Return where ``path`` leads once its links are followed; raises Outside."""
        done: list[str] = []
        ahead = list(reversed(path.split("/"))) if path else []
        hops = 0
        while ahead:
            part = ahead.pop()
            if part in ("", "."):
                continue
            if part == "..":
                if not done:
                    raise Outside("leads out of the repository")
                done.pop()
                continue
            here = "/".join([*done, part])
            entry = self.entries.get(here)
            if entry is None:
                raise Outside("is not in the repository")
            if entry.kind == "link":
                hops += 1
                ahead += reversed(self._target(here, entry, hops))
            elif ahead and entry.kind != "folder":
                raise Outside("is not in the repository")
            else:
                done.append(part)
        return "/".join(done)

    def _target(self, path: str, entry: Entry, hops: int) -> list[str]:
        if hops > HOPS:
            raise Outside("is a link that leads to itself")
        target = self._object(entry.sha)[1].decode("utf-8", "surrogateescape")
        if target.startswith("/"):
            raise Outside(f"is reached by the link {path}, which leads out of the repository")
        return target.split("/")

    def kind(self, path: str) -> Kind:
        """Return what a resolved path is; "" is the repository's own folder."""
        return self.entries[path].kind if path else "folder"

    def body(self, path: str) -> bytes:
        """Return the content of a resolved file; raises Outside for anything else."""
        if self.kind(path) not in ("file", "program"):
            raise Outside("is not a file")
        return self._object(self.entries[path].sha)[1]

    def walk(self, folder: str, at: str = "") -> Iterator[File]:
        """Yield the files of a resolved folder as ``at/…``, links followed.

        Raises Outside for a link that leads nowhere, out, or round in a circle.
        """
        waiting: list[tuple[str, str, tuple[str, ...]]] = [(folder, at, (folder,))]
        while waiting:
            self.deadline.check()
            here, there, above = waiting.pop()
            for path in self.children[here]:
                name = path.rpartition("/")[2]
                goal = f"{there}/{name}" if there else name
                real = self._followed(path)
                kind = self.kind(real)
                if kind == "folder":
                    if real in above:
                        raise Outside(f"{path} is a link that leads to itself")
                    if len(above) > DEPTH:
                        raise Outside(f"{path} is nested deeper than {DEPTH}")
                    waiting.append((real, goal, (*above, real)))
                elif kind != "module":
                    yield File(goal, self.body(real), program=kind == "program")

    def _followed(self, path: str) -> str:
        if self.entries[path].kind != "link":
            return path
        try:
            return self.resolve(path)
        except Outside as error:
            raise Outside(f"{path} {error}") from error

    def warnings(self) -> Iterator[Problem]:
        """Yield what is in the repository and will not be in a function."""
        for path, entry in sorted(self.entries.items()):
            if entry.kind == "module":
                message = f"{path} is a submodule, which is left out"
                yield Problem(message, "copy its files into the repository", ".gitmodules")
            elif entry.kind in ("file", "program") and self.body(path).startswith(_LFS):
                message = f"{path} is kept in Git LFS, only its pointer is taken"
                yield Problem(message, "commit the file itself", ".gitattributes")


def harm(name: str) -> str:
    """Return why a name may not be written to a disk, nothing for a good one."""
    if name in ("", ".", ".."):
        return "is a name that only a folder's own entries have"
    if "/" in name or "\\" in name or "\0" in name:
        return "has a slash, backslash or NUL in its name"
    if name.lower() in _GIT:
        return "is a name of git's own folder"
    if any(0xD800 <= ord(char) < 0xE000 for char in name):
        return "has a name that is not UTF-8"
    if len(name.encode()) > 255:
        return "has a name that is too long"
    return ""


def _entries(body: bytes, width: int) -> Iterator[tuple[int, str, str]]:
    at = 0
    while at < len(body):
        end = body.find(b"\0", at)
        mode, _, name = body[at:end].partition(b" ")
        if end < 0 or not mode.isdigit() or end + width >= len(body) + 1:
            raise SourceUnavailable("the forge sent a damaged tree")
        at = end + 1 + width
        yield int(mode, 8), name.decode("utf-8", "surrogateescape"), body[end + 1 : at].hex()
