"""Archives as contexts: what is in them, what may not be, and that nothing is unpacked."""

import gzip
import io
import tarfile
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.builder.buildkit import ContextInvalid, TarContext, Tree
from consumers.builder.buildkit.entries import DIRECTORY, SYMLINK
from consumers.builder.buildkit.paths import by_name

Member = tuple[str, bytes, str]  # name, type, content or target


def archive(*members: Member, format: int = tarfile.PAX_FORMAT) -> bytes:
    """Return an archive of these."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as tar:
        for name, kind, text in members:
            member = tarfile.TarInfo(name)
            member.type = kind
            content = text.encode() if kind == tarfile.REGTYPE else b""
            member.size = len(content)
            member.linkname = "" if kind == tarfile.REGTYPE else text
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def file(name: str, content: str = "content") -> Member:
    """Return a file."""
    return name, tarfile.REGTYPE, content


def opened(*members: Member, prefix: str = "") -> Tree:
    """Return the tree of an archive of these."""
    return TarContext(archive(*members), prefix).open()


def content(tree: Tree, path: str) -> bytes:
    """Return a file's content, read in small pieces."""
    return b"".join(tree.pieces(path, 3))


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_files_and_folders(format: int) -> None:
    """Every usual format is read; folders that are not named are there all the same."""
    name = "a/" + "long" * 24 + "/file"

    tree = TarContext(archive(file(name), file("./b"), file("/c"), format=format)).open()

    assert [entry.path for entry in tree.folder("")] == ["a", "b", "c"]
    assert content(tree, name) == b"content"
    folder = tree.entry("a")
    assert folder
    assert folder.mode == DIRECTORY | 0o755


def test_a_prefix_is_the_root() -> None:
    """Of an archive with a folder around everything, that folder is the context."""
    tree = opened(
        file("build/a"),
        ("build/l", tarfile.LNKTYPE, "build/a"),
        file("other/b"),
        file("builder"),
        prefix="/build/",
    )

    assert [entry.path for entry in tree.folder("")] == ["a", "l"]
    assert content(tree, "l") == b"content"


def test_links_keep_their_text() -> None:
    """A symbolic link leads wherever it likes: it is only told."""
    tree = opened(("l", tarfile.SYMTYPE, "../../etc/passwd"))

    entry = tree.entry("l")
    assert entry
    assert (entry.mode & SYMLINK, entry.link) == (SYMLINK, "../../etc/passwd")


def test_the_last_of_a_name_counts() -> None:
    """An archive that was added to has its newest files."""
    assert content(opened(file("a", "old"), file("a", "new")), "a") == b"new"


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ([file("../a")], "leads out"),
        ([file("a/../../b")], "leads out"),
        ([file("a"), file("a/b")], "not a folder"),
        ([("l", tarfile.LNKTYPE, "none")], "not before it"),
        ([("l", tarfile.LNKTYPE, "../a"), file("a")], "not before it"),
        ([("d", tarfile.DIRTYPE, ""), ("l", tarfile.LNKTYPE, "d")], "not before it"),
        ([("s", tarfile.GNUTYPE_SPARSE, "")], "kind|tar archive"),
    ],
)
def test_an_archive_that_lies(members: list[Member], why: str) -> None:
    """What leads out, contradicts itself, or cannot be read in place is refused with its name."""
    with pytest.raises(ContextInvalid, match=why):
        opened(*members)


@pytest.mark.parametrize(
    "header",
    [
        {"size": -512},
        {"size": -1024, "name": "b"},
        {"mtime": -(10**12)},
        {"pax_headers": {"mtime": "nan"}},
        {"pax_headers": {"mtime": "1e30"}},
        {"pax_headers": {"size": "-512"}},
        {"pax_headers": {"path": "a\0b"}},
    ],
)
@pytest.mark.timeout(10)
def test_a_header_that_makes_no_sense(header: dict[str, object]) -> None:
    """Numbers below zero, beyond the end of time, or none at all neither hang nor surprise."""
    member = tarfile.TarInfo("a")
    for name, value in header.items():
        setattr(member, name, value)
    pax = "pax_headers" in header
    data = member.tobuf(tarfile.PAX_FORMAT) if pax else member.tobuf(tarfile.GNU_FORMAT)
    data += bytes(1024)

    try:
        tree = TarContext(data).open()
    except ContextInvalid:
        return
    assert all(0 <= entry.mtime < 2**63 for entry in tree.folder(""))


@pytest.mark.parametrize(
    "data",
    [b"", b"no archive at all" * 64, gzip.compress(archive(file("a")))],
    ids=["empty", "text", "gzip"],
)
def test_what_is_no_archive(data: bytes) -> None:
    """Something else, or a compressed archive, says so."""
    with pytest.raises(ContextInvalid, match="not an uncompressed tar archive"):
        TarContext(data).open()


def test_an_archive_that_is_not_there(tmp_path: Path) -> None:
    """A path to nothing says so."""
    with pytest.raises(ContextInvalid, match="No such file"):
        TarContext(tmp_path / "none.tar").open()


def test_an_archive_that_is_cut_short(tmp_path: Path) -> None:
    """A file that ends before its content does is found when the archive is opened."""
    path = tmp_path / "archive.tar"
    path.write_bytes(archive(file("a", "x" * 5000))[:2000])

    with pytest.raises(ContextInvalid):
        TarContext(path).open()


def test_an_archive_that_is_removed_is_still_read(tmp_path: Path) -> None:
    """A blob may be swept while a build still reads it."""
    path = tmp_path / "archive.tar"
    path.write_bytes(archive(file("a", "x" * 50_000)))
    tree = TarContext(path).open()

    path.unlink()

    assert content(tree, "a") == b"x" * 50_000


def test_equal_archives_have_one_origin_and_others_do_not() -> None:
    """The daemon is told of a change even where names, sizes and times are the same."""
    one, same, other = opened(file("a", "1")), opened(file("a", "1")), opened(file("a", "2"))

    def time(tree: Tree) -> int:
        entry = tree.entry("a")
        assert entry
        return entry.mtime

    assert (one.origin, time(one)) == (same.origin, time(same))
    assert one.origin != other.origin
    assert time(one) != time(other)
    assert time(one) // 10**9 == 0


def test_threads_do_not_share_a_position(tmp_path: Path) -> None:
    """Several threads read one archive at the same time."""
    path = tmp_path / "archive.tar"
    members = [file(f"f{number}", str(number) * 10_000) for number in range(8)]
    path.write_bytes(archive(*members))
    tree = TarContext(path).open()
    found: dict[str, bytes] = {}

    def read(name: str) -> None:
        found[name] = content(tree, name)

    threads = [threading.Thread(target=read, args=(name,)) for name, _, _ in members]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == {name: text.encode() for name, _, text in members}


names = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=6)


@given(st.dictionaries(names.filter(lambda n: n.strip(".")), st.text(max_size=20), max_size=5))
def test_whatever_is_packed_is_found(files: dict[str, str]) -> None:
    """Names of any letters and contents of any size come out as they went in, in order."""
    tree = opened(*(file(name, text) for name, text in files.items()))

    assert [entry.path for entry in tree.folder("")] == sorted(files, key=by_name)
    assert {name: content(tree, name).decode() for name in files} == files
