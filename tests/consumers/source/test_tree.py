"""A commit's files: nothing leads out of them, whatever they are called."""

import posixpath

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.source.limits import Refused
from consumers.source.tree import Outside
from tests.consumers.source.objects import LIMITS, LINK, MODULE, PROGRAM, raw_tree, tree_of

PARTS = st.sampled_from(["a", "b", "..", ".", "", "link", "up", "deep", "/"])


@pytest.mark.parametrize(
    "name",
    [
        b"..",
        b".",
        b"",
        b"a/b",
        b"/etc",
        b"a\\b",
        b".git",
        b".GIT",
        b".git ",
        b"git~1",
        b".git\xe2\x80\x8c",
        b"\xff",
        b"x" * 256,
    ],
)
def test_a_hostile_name_is_refused_by_name(name: bytes) -> None:
    """A tree that git would never make is not read, and what is wrong is said."""
    with pytest.raises(Refused) as caught:
        raw_tree(name)

    assert caught.value.reason == "source_hostile"
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("name", ["a", ".gitignore", "git", "ä", "a b", "..a", "-rf", "a\nb"])
def test_an_odd_name_is_no_crime(name: str) -> None:
    """Unusual names are read as they are."""
    assert list(tree_of({name: b"x"}).entries) == [name]


@pytest.mark.weakness(4)
@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("/etc/passwd", "leads out"),
        ("../../etc", "leads out"),
        ("nobody", "is not in the repository"),
        ("link", "leads to itself"),
        ("other", "leads to itself"),
        ("x/y", "is not in the repository"),
    ],
)
def test_a_link_that_leads_astray_is_refused(target: str, said: str) -> None:
    """Absolute, upward, dangling and circular links lead nowhere."""
    tree = tree_of({"h/link": (LINK, target.encode()), "h/other": (LINK, b"link"), "h/x": b""})

    with pytest.raises(Outside, match=said):
        tree.resolve("h/link")


def test_links_within_the_repository_are_followed() -> None:
    """A file's and a folder's link give their contents, modes and all."""
    tree = tree_of(
        {
            "h/one": (LINK, b"../shared/lib"),
            "h/run": (LINK, b"../tools/./x/../run"),
            "shared/lib/a.py": b"a",
            "tools/run": (PROGRAM, b"r"),
            "tools/x/y": b"",
        }
    )

    found = {file.path: (file.body, file.program) for file in tree.walk("h")}

    assert found == {"one/a.py": (b"a", False), "run": (b"r", True)}


def test_a_folder_that_holds_itself_is_refused() -> None:
    """A link to a folder above would be copied without end."""
    tree = tree_of({"h/a": b"", "h/loop": (LINK, b".")})

    with pytest.raises(Outside, match="h/loop is a link that leads to itself"):
        list(tree.walk("h"))


def test_submodules_and_lfs_are_named_in_warnings() -> None:
    """What is left out is said."""
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"
    tree = tree_of({"mod": (MODULE, b""), "h/big": pointer})

    found = [problem.message for problem in tree.warnings()]

    assert len(found) == 2
    assert "h/big is kept in Git LFS" in found[0]
    assert "mod is a submodule" in found[1]
    assert [file.path for file in tree.walk("")] == ["h/big"]


def test_too_many_files_are_refused() -> None:
    """A tree that names one folder again and again unfolds without end; it is stopped."""
    limits = msgspec.structs.replace(LIMITS, files=10)

    with pytest.raises(Refused, match="more than 10 files"):
        tree_of({f"{name}/x": b"" for name in "abcdefgh"}, limits)


def test_folders_too_deep_are_refused() -> None:
    """Nesting has an end."""
    with pytest.raises(Refused, match="nested deeper"):
        tree_of({"/".join("a" * 70): b""})


@pytest.mark.weakness(4)
@given(st.lists(PARTS, max_size=8), st.lists(PARTS, max_size=6), st.lists(PARTS, max_size=6))
def test_no_path_and_no_link_leads_out(path: list[str], one: list[str], two: list[str]) -> None:
    """What is resolved is in the repository, or nothing is resolved."""
    files = {"a/b": b"", "deep/a/b": b"", "b": b""}
    links = {"link": (LINK, "/".join(one).encode()), "deep/up": (LINK, "/".join(two).encode())}
    tree = tree_of({**files, **links})

    try:
        found = tree.resolve("/".join(path))
    except Outside:
        return

    assert found == "" or tree.entries[found].kind != "link"
    assert not posixpath.isabs(found)
    assert ".." not in found.split("/")
