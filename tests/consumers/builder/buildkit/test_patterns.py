"""The grammar of .dockerignore: tables of what it means, and properties that always hold."""

import contextlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.builder.buildkit import ContextInvalid, read_ignore_file
from consumers.builder.buildkit.patterns import Matcher

YES = """
**|file  **|a/file  **/|a/file  **/**|a/b  a/**|a/b  a/**|a/b/c  **/a|a  **/a|b/a  **/a|a/file
**/b/*|a/b/c  **/b/**|a/b/c/d  **file|file  **file|a/b/file  **/file|a/b/file  **/f*|a/b/file
**/f*.txt|a/file.txt  **/**/*.txt|a/b/f.txt  **/*.txt|f.txt  a**/*.txt|a/b/c/f.txt  a/*.txt|a/f.txt
a[b-d]e|ace  a[^b-d]e|aze  .*|.foo  abc.def|abc.def  abc?def|abcZdef  a\\*b|a*b  a\\\\|a\\
**/.foo|.foo  a(b)c/d|a(b)c/d  a.|)$(}+{bc|a.|)$(}+{bc  a/b|a/b/c/d  ./a|a  a//b/|a/b  a/./b|a/b
a/../b|b  *|a/b/c  a?b|a☺b  [a-ж]*|д  [\\]a]|]  [\\-x]|x  [x\\-]|-  \\d|7  a[.]b|a.b  *.py|x.py/y
"""
NO = """
**/**/*.txt2|a/b/f.txt  a/*.txt|a/b/f.txt  a[b-d]e|ae  a[b-d]e|aae  .*|foo  abc.def|abcdef
abc.def|abcZdef  abc?def|abcdef  abc/**|abc  **/.foo|bar.foo  a(b)c/d|a(b)c/e  a?b|a/b  a*b|a/b
A|a  a|A  a/b|b  b|a/b  a|ab  a/|b/a  a???b|a☺b  *[a-ж]|A  \\d|d  **/a|ba  a*|ba  /a|a
"""
MALFORMED = ["[", "[]", "[]a]", "[^]", "[-]", "[x-]", "[a-b-c]", "[a", "[^bc", "a[", "\\", "a\\"]
MALFORMED += ["!", "[z-a]", "\\y", "a/[b"]


def cases(table: str) -> list[tuple[str, ...]]:
    """Return the pairs of a table."""
    # A pattern may hold the bar that divides: the middle one does.
    return [
        tuple(part.strip("|") for part in (cell[: _middle(cell)], cell[_middle(cell) + 1 :]))
        for cell in table.split()
    ]


def _middle(cell: str) -> int:
    bars = [place for place, char in enumerate(cell) if char == "|"]
    return bars[len(bars) // 2]


@pytest.mark.parametrize(("pattern", "path"), cases(YES))
def test_pattern_matches(pattern: str, path: str) -> None:
    """The pattern covers the path, itself or by a folder above it."""
    assert Matcher([pattern]).matches(path)


@pytest.mark.parametrize(("pattern", "path"), cases(NO))
def test_pattern_does_not_match(pattern: str, path: str) -> None:
    """The pattern covers neither the path nor a folder above it."""
    assert not Matcher([pattern]).matches(path)


@pytest.mark.parametrize("pattern", MALFORMED)
def test_malformed_pattern_is_named(pattern: str) -> None:
    """A pattern that means nothing is refused by its name, before anything is sent."""
    with pytest.raises(ContextInvalid) as caught:
        Matcher(["fine", pattern])

    assert repr(pattern).strip("'") in caught.value.message


@pytest.mark.parametrize(
    ("patterns", "path", "matched"),
    [
        (["docs", "!docs/README.md"], "docs/README.md", False),
        (["docs/", "!docs/README.md"], "docs/README.md", False),
        (["docs/*", "!docs/README.md"], "docs/README.md", False),
        (["docs", "!docs/README.md", "docs"], "docs/README.md", True),
        (["!docs/README.md", "docs"], "docs/README.md", True),
        (["*.go", "!file.go"], "file.go", False),
        (["!file.go", "*.go"], "file.go", True),
        (["**", "!util/docker/web"], "util/docker/web/foo", False),
        (["**", "!util/docker/web", "util/docker/web/foo"], "util/docker/web/foo", True),
        (["**", "!dist/*.whl"], "dist/a-2.4.0rc3+g08acad9-py3.whl", False),
        (["a", "!a/b", "a/b/c"], "a/b/c/d", True),
        (["", "  ", " a "], "a", True),
    ],
)
def test_the_last_word_counts(patterns: list[str], path: str, matched: bool) -> None:  # noqa: FBT001 - a column
    """Patterns are read in order, and an exception takes back what came before it."""
    assert Matcher(patterns).matches(path) is matched


def test_ignore_file_is_read_as_docker_does() -> None:
    """Comments, blanks, a byte order mark, leading slashes and dots go; order stays."""
    text = "\ufeff# no\n\n /a/ \n!/b\n ! c/../d \n/\n#!x\n\\#y\n./e//f\r\n!\n"

    assert read_ignore_file(text) == ["a", "!b", "!d", "/", "\\#y", "e/f", "!"]


names = st.text(string.ascii_letters + string.digits + "._-~&|+(){}$^ ü", min_size=1, max_size=5)
clean_names = names.filter(lambda name: name.strip() == name and name not in (".", ".."))
paths = st.lists(clean_names, min_size=1, max_size=4).map("/".join)
patterns = st.lists(
    st.one_of(clean_names, st.sampled_from(["*", "**", "?", "*.a", "a*", "[a-f]*"])),
    min_size=1,
    max_size=4,
).map("/".join)


@given(paths)
def test_a_path_without_magic_matches_itself(path: str) -> None:
    """Whatever is no wildcard stands for itself, alone and between wildcards."""
    if path.startswith("!"):
        return
    assert Matcher([path]).matches(path)
    assert Matcher([path]).matches(f"{path}/below")
    assert Matcher([f"**/{path}"]).matches(path)
    assert Matcher([f"**/{path}"]).matches(f"above/{path}")
    assert not Matcher([path, f"!{path}"]).matches(path)


def test_a_walk_differs_where_buildkits_does() -> None:
    """An exception for a folder above says nothing about what is excluded below it later."""
    matcher = Matcher(["a/b", "!a"])
    _, state = matcher.within("a", ())

    assert matcher.within("a/b", state)[0]
    assert not matcher.matches("a/b")


@given(st.lists(st.tuples(st.booleans(), patterns), max_size=5), paths)
def test_going_down_step_by_step_says_the_same(rules: list[tuple[bool, str]], path: str) -> None:
    """A walk that hands results on to the folder below ends as a look at the whole path does."""
    matcher = Matcher(("!" if exception else "") + text for exception, text in rules)
    parts = path.split("/")

    state: tuple[bool, ...] = ()
    matched = False
    for end in range(1, len(parts) + 1):
        matched, state = matcher.within("/".join(parts[:end]), state)

    # With an exception for a folder above, BuildKit's walk differs from its look: ours does too.
    if not any(exception for exception, _ in rules):
        assert matched == matcher.matches(path)
    assert len(state) == len(matcher.patterns)


@given(st.text("ab/*?[]^-\\!.", max_size=8), st.text("ab/.-", min_size=1, max_size=6))
def test_no_pattern_surprises(pattern: str, path: str) -> None:
    """Any text is a pattern or refused as one; nothing else is ever raised."""
    with contextlib.suppress(ContextInvalid):
        Matcher([pattern]).matches(path)
