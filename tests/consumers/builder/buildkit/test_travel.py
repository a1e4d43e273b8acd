"""Trees of files that travel to a real daemon and back: what arrives is what was sent."""

import asyncio
import io
import os
import stat
import tarfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumers.builder.buildkit import (
    Client,
    Context,
    ContextInvalid,
    Export,
    FolderContext,
    Solve,
    TarContext,
    ToFolder,
    Tree,
)
from consumers.builder.buildkit.entries import Entry
from tests.consumers.builder.buildkit.kitchen import tarred

ALL = b"FROM scratch\nCOPY . /\n"
ODD = "a\nname with ünïcode, \\ and 'quotes' \N{SNOWMAN}"


def write(root: Path, files: dict[str, bytes]) -> None:
    """Write files and the folders above them."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def looks(root: Path) -> dict[str, tuple[str, object]]:
    """Return what a tree looks like: path → permissions and content or target."""
    seen: dict[str, tuple[str, object]] = {}
    for path in sorted(root.rglob("*")):
        mode = stat.filemode(path.lstat().st_mode)
        what: object = None
        if path.is_symlink():
            what = str(path.readlink())
        elif path.is_file():
            what = path.read_bytes()
        seen[str(path.relative_to(root))] = mode, what
    return seen


async def there_and_back(client: Client, context: Context, target: Path) -> None:
    """Build the whole context into an image and take that as a folder."""
    files = TarContext(_single("Dockerfile", ALL))
    async with client.session(
        contexts={"context": context, "dockerfile": files}, receive=ToFolder(target)
    ) as session:
        await client.solve(Solve(session=session, exports=[Export("local")]))


def _single(name: str, content: bytes) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """Return a folder with everything that a file system may have."""
    root = tmp_path / "odd"
    write(
        root,
        {
            "a/b/c/deep": b"deep",
            "a.b": b"sorts between a and a/b, were it by whole paths",
            "a-b/x": b"x",
            "empty": b"",
            "big": os.urandom(3 * 1024 * 1024 + 17),
            ODD: b"odd",
            f"{ODD}.d/{ODD}": b"odder",
            "bin/run": b"#!/bin/sh\n",
            os.fsdecode(b"not-\xff-utf8"): b"bytes",
        },
    )
    (root / "bin/run").chmod(0o755)
    (root / "a.b").chmod(0o640)
    (root / "no/thing/in/it").mkdir(parents=True)
    (root / "no").chmod(0o700)
    (root / "link").symlink_to("a/b")
    (root / "loop").symlink_to("loop")
    (root / "out").symlink_to("../../etc/passwd")
    os.link(root / "big", root / "a/same")
    return root


@pytest.mark.parametrize("kind", ["folder", "archive"])
async def test_everything_arrives(client: Client, odd: Path, tmp_path: Path, kind: str) -> None:
    """Names, kinds, permissions, links and content are the same at the other end."""
    context = FolderContext(odd) if kind == "folder" else TarContext(tarred(odd))

    await there_and_back(client, context, tmp_path / "back")

    assert looks(tmp_path / "back") == looks(odd)
    assert (tmp_path / "back/a/same").stat().st_nlink == 2


async def test_an_ignore_file_is_obeyed(client: Client, tmp_path: Path) -> None:
    """What .dockerignore names is not sent, what it takes back is."""
    root = tmp_path / "root"
    files = dict.fromkeys(
        ("keep/a.log", "keep/b.txt", "drop/c.txt", "drop/kept.txt", "x/y/z.log", "Z.LOG"), b"."
    )
    write(root, files | {".dockerignore": b"# comment\n**/*.log\n/drop/\n!drop/kept.txt\nx/**\n"})

    await there_and_back(client, FolderContext(root), tmp_path / "back")

    found = {name for name, (mode, _) in looks(tmp_path / "back").items() if mode[0] == "-"}
    assert found == {"keep/b.txt", "drop/kept.txt", "Z.LOG", ".dockerignore"}


async def test_a_dockerfile_behind_links(client: Client, tmp_path: Path) -> None:
    """The Dockerfile may be a link to a link; what they lead to is sent with it."""
    root = tmp_path / "root"
    write(root, {"real/Dockerfile.final": ALL, "other": b"."})
    (root / "Dockerfile").symlink_to("next/Dockerfile.link")
    (root / "next").symlink_to("real")
    (root / "real/Dockerfile.link").symlink_to("/real/Dockerfile.final")
    context = FolderContext(root)

    async with client.session(contexts={"context": context, "dockerfile": context}) as session:
        await client.solve(Solve(session=session))


class Shifting:
    """A context of one large file that changes while it is read."""

    origin = ""

    def __init__(self, change: str) -> None:
        """Take what happens to the file."""
        self.change = change
        self.file = Entry("file", 0o644, size=1_000_000, mtime=1)

    def open(self) -> Tree:
        """Return itself."""
        return self

    def entry(self, path: str) -> Entry | None:
        """Return the file."""
        return self.file if path == "file" else None

    def folder(self, path: str) -> list[Entry]:
        """Return the file in the root."""
        return [] if path else [self.file]

    def pieces(self, path: str, most: int) -> Iterator[bytes]:
        """Yield more, or less, than was said; or find that it is gone."""
        yield b"x" * most
        if self.change == "grows":
            for _ in range(20):
                yield b"x" * most
        elif self.change == "vanishes":
            raise ContextInvalid(f"{path} has vanished")
        elif self.change == "breaks":
            raise LookupError("a mistake of whoever wrote the context")


@pytest.mark.parametrize("change", ["grows", "shrinks"])
async def test_a_file_that_changes_while_it_is_read(
    client: Client, tmp_path: Path, change: str
) -> None:
    """What could be read is what arrives, as with the engine's own client."""
    await there_and_back(client, Shifting(change), tmp_path / "back")

    assert set((tmp_path / "back/file").read_bytes()) == {ord("x")}


async def test_a_file_that_vanishes_while_it_is_read(client: Client, tmp_path: Path) -> None:
    """The build fails, and says which file was lost."""
    with pytest.raises(ContextInvalid, match="file has vanished"):
        await there_and_back(client, Shifting("vanishes"), tmp_path / "back")


class Large(Shifting):
    """A context of one file that is larger than what may be held of it."""

    def pieces(self, path: str, most: int) -> Iterator[bytes]:
        """Yield 128 MiB."""
        assert path
        for _ in range(128 * 1024 * 1024 // most):
            yield bytes(most)


async def test_a_large_context_needs_little_memory(pushing: Client) -> None:
    """Reading stops where sending does: a file of 128 MiB never needs more than some batches."""
    files = TarContext(_single("Dockerfile", ALL))
    tracemalloc.start()
    try:
        async with pushing.session(contexts={"context": Large(""), "dockerfile": files}) as session:
            await pushing.solve(Solve(session=session))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 16 * 1024 * 1024


async def test_a_context_with_a_mistake_in_it(client: Client, tmp_path: Path) -> None:
    """An error nobody thought of ends the build at once and is raised as it is."""
    with pytest.raises(LookupError, match="a mistake"):
        async with asyncio.timeout(20):
            await there_and_back(client, Shifting("breaks"), tmp_path / "back")


def test_a_link_is_not_looked_into(tmp_path: Path) -> None:
    """What lies behind a link is no part of the folder."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("secret")
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside/link").symlink_to("../outside")

    tree = FolderContext(tmp_path / "inside").open()

    assert tree.folder("link") == []
    assert [entry.path for entry in tree.folder("")] == ["link"]


async def test_a_pipe_in_the_place_of_a_file(tmp_path: Path) -> None:
    """A file that became a pipe meanwhile is refused without waiting for whoever writes to it."""
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(ContextInvalid, match="pipe is no file any more"):
        list(FolderContext(tmp_path).open().pieces("pipe", 1024))
