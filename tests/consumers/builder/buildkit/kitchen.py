"""What tests of the BuildKit client cook with: folders, archives and contexts that keep count."""

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from consumers.builder.buildkit import Client, Context, Progress, Result, Solve, Tree
from consumers.builder.buildkit.entries import Entry

BASE = """FROM scratch
COPY busybox /bin/busybox
SHELL ["/bin/busybox", "sh", "-c"]
"""


@dataclass(frozen=True)
class Counted:
    """A context that remembers what it was asked for."""

    inner: Context
    asked: list[str] = field(default_factory=list)

    def open(self) -> Tree:
        """Return the tree, watched."""
        return CountedTree(self.inner.open(), self.asked)


@dataclass(frozen=True)
class CountedTree:
    """A tree that remembers which files were read."""

    inner: Tree
    asked: list[str]

    @property
    def origin(self) -> str:
        """Return the same."""
        return self.inner.origin

    def entry(self, path: str) -> Entry | None:
        """Return the same."""
        return self.inner.entry(path)

    def folder(self, path: str) -> list[Entry]:
        """Return the same."""
        return self.inner.folder(path)

    def pieces(self, path: str, most: int) -> Iterator[bytes]:
        """Remember the path."""
        self.asked.append(path)
        return self.inner.pieces(path, most)


def tarred(folder: Path, prefix: str = "") -> bytes:
    """Return a folder as an archive whose files all have one time, as ours do."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.mtime = 0
        return member

    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.add(folder, prefix or ".", filter=plain)
    return archive.getvalue()


async def build(
    client: Client, context: Context, heard: list[Progress] | None = None, /, **solve: object
) -> Result:
    """Build a context that holds its own Dockerfile."""
    async with client.session(contexts={"context": context, "dockerfile": context}) as session:
        asked = Solve(session=session, **solve)  # type: ignore[arg-type]
        return await client.solve(asked, (heard if heard is not None else []).append)
