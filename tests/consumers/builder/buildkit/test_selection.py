"""Which entries of a tree are sent: include, exclude and follow patterns, order, links."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.builder.buildkit import ContextInvalid
from consumers.builder.buildkit.following import follow
from consumers.builder.buildkit.paths import by_path
from consumers.builder.buildkit.selection import Wanted, select
from tests.consumers.builder.buildkit.trees import Paths

TREE = Paths(("a/b/c.txt", "a/b/d.log", "a/e", "f/", "g/h.log", "i.txt"))


def chosen(tree: Paths, **wanted: list[str]) -> list[str]:
    """Return the paths that are sent."""
    return [entry.path for entry in select(tree, Wanted(**wanted))]


def test_everything_without_a_wish() -> None:
    """Nothing named: everything, each folder before what is in it."""
    expected = ["a", "a/b", "a/b/c.txt", "a/b/d.log", "a/e", "f", "g", "g/h.log", "i.txt"]
    assert chosen(TREE) == expected


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        (["a/b/c.txt"], ["a", "a/b", "a/b/c.txt"]),
        (["**/*.log"], ["a", "a/b", "a/b/d.log", "g", "g/h.log"]),
        (["a"], ["a", "a/b", "a/b/c.txt", "a/b/d.log", "a/e"]),
        (["a/*"], ["a", "a/b", "a/b/c.txt", "a/b/d.log", "a/e"]),
        (["a/**", "!a/b"], ["a", "a/e"]),
        (["none"], []),
        (["f"], ["f"]),
        (["."], []),  # as fsutil: a dot is no path in the tree
    ],
)
def test_included(include: list[str], expected: list[str]) -> None:
    """What is wanted comes with the folders above it, and with no empty ones."""
    assert chosen(TREE, include=include) == expected


@pytest.mark.parametrize(
    ("exclude", "expected"),
    [
        (["a"], ["f", "g", "g/h.log", "i.txt"]),
        (["**/*.log", "f"], ["a", "a/b", "a/b/c.txt", "a/e", "g", "i.txt"]),
        (["*", "!a/b/c.txt"], ["a", "a/b", "a/b/c.txt"]),
        (["*", "!**/*.log"], ["a", "a/b", "a/b/d.log", "g", "g/h.log"]),
        (["a/", "!a/b/*"], ["a", "a/b", "a/b/c.txt", "a/b/d.log", "f", "g", "g/h.log", "i.txt"]),
        (["**"], []),
    ],
)
def test_excluded(exclude: list[str], expected: list[str]) -> None:
    """What is not wanted stays, save what is taken back, which brings the folders above it."""
    assert chosen(TREE, exclude=exclude) == expected


def test_excluded_of_what_is_included() -> None:
    """Both lists count."""
    assert chosen(TREE, include=["a"], exclude=["**/*.log", "a/e"]) == ["a", "a/b", "a/b/c.txt"]


class Watched(Paths):
    """A tree that remembers which folders were looked into."""

    def folder(self, path: str) -> list:  # type: ignore[type-arg]
        """Remember the folder."""
        looked.append(path)
        return super().folder(path)


looked: list[str] = []


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(exclude=["a", "g"]), ["", "f"]),
        (Wanted(exclude=["a", "g", "!g/h.log"]), ["", "f", "g"]),
        (Wanted(include=["g/*"]), ["", "g"]),
    ],
)
def test_a_folder_that_matters_to_nobody_is_not_read(wanted: Wanted, expected: list[str]) -> None:
    """node_modules and .git cost nothing where they are excluded."""
    looked.clear()

    list(select(Watched(TREE.paths), wanted))

    assert looked == expected


@pytest.mark.parametrize(
    ("links", "path", "expected"),
    [
        ((), "a/e", ["a/e"]),
        ((), "none", ["none"]),
        ((("x", "a/e"),), "x", ["a/e", "x"]),
        ((("x", "y"), ("y", "/a/e")), "x", ["a/e", "x", "y"]),
        ((("x", "a"),), "x/b/c.txt", ["a/b/c.txt", "x"]),
        ((("a/up", "../i.txt"),), "a/up", ["a/up", "i.txt"]),
        ((("x", "../../../i.txt"),), "x", ["i.txt", "x"]),
        ((("x", "x"),), "x", ["x"]),
        ((("x", "y"), ("y", "x")), "x/z", ["x", "y"]),
        ((("x", "x/deeper"),), "x", ["x"]),
        ((("a/l1", "/i.txt"), ("a/l2", "/g")), "a/l*", ["a/l*", "g", "i.txt"]),
        ((("a/l1", "/i.txt"),), "a/l[", ["a/l["]),
        ((("x", "/"),), "x", ["."]),
        ((), "a/../i.txt", ["i.txt"]),
        ((), "/", ["."]),
    ],
)
def test_links_are_followed_within_the_tree(
    links: tuple[tuple[str, str], ...], path: str, expected: list[str]
) -> None:
    """A wanted path brings all that links on it lead to; no link leads out, no loop is endless."""
    assert follow(Paths(TREE.paths, links), [path]) == expected


def test_followed_paths_are_included() -> None:
    """What was followed is sent, and nothing beside it."""
    tree = Paths(TREE.paths, (("Dockerfile", "a/e"),))

    assert chosen(tree, follow=["Dockerfile", "missing"]) == ["Dockerfile", "a", "a/e"]
    assert chosen(tree, follow=["/"]) == chosen(tree)


def test_a_name_of_a_file_that_was_left_out_is_a_file() -> None:
    """Of a file's several names the first that is sent is the file, the others link to it."""
    tree = Paths(("a", "b", "c"))
    entries = tree.entries()
    for entry in entries.values():
        entry.same = "one"

    class Same(Paths):
        def entries(self) -> dict:  # type: ignore[type-arg]
            return entries

    sent = list(select(Same(()), Wanted(exclude=["a"])))

    assert [(entry.path, entry.link) for entry in sent] == [("b", ""), ("c", "b")]
    assert [entry.size for entry in sent] == [1, 0]


def test_folders_within_folders_have_an_end() -> None:
    """A tree that is absurdly deep is refused, not recursed into."""
    with pytest.raises(ContextInvalid, match="within one another"):
        chosen(Paths(("/".join(["a"] * 300),)))


names = st.text("ab.-/ ", min_size=1, max_size=2).filter(lambda n: "/" not in n and n not in ". ..")
trees = st.lists(st.lists(names, min_size=1, max_size=4).map("/".join), max_size=8)
rules = st.lists(st.sampled_from(["a", "b", "**", "*", "a/b", "!a", "!a/b", "**/a", "!**/b"]))


@given(trees, rules, rules)
def test_order_and_parents_always_hold(
    paths: list[str], include: list[str], exclude: list[str]
) -> None:
    """Whatever is wanted, each entry comes once, in the order of fsutil, after its folder."""
    files = {path for path in paths if not any(other.startswith(path + "/") for other in paths)}

    sent = chosen(Paths(tuple(files)), include=include, exclude=exclude)

    assert sent == sorted(set(sent), key=by_path)
    for path in sent:
        above = path.rpartition("/")[0]
        assert not above or above in sent
