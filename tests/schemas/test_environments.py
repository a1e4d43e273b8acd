"""Names of environments, and what stack.yml says of previews."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.environments import PRODUCTION, Previews, is_preview, of_branch, of_pull
from schemas.stack import StackInvalid, parse

STACK = b"""version: 1.0
provider: {name: openfaas}
previews:
  branches: ["feature/*", beta]
  pull_requests: true
  expire: 2w
functions: {}
"""


def test_a_plain_branch_keeps_its_name() -> None:
    """What can stand in a host does."""
    assert of_branch("release-1") == "branch-release-1"
    assert of_pull(7) == "pr-7"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("feature/x", "feature-x"),
        ("Feature", "feature"),
        ("a" * 40, "a" * 41),
        ("ü", "607474ca"),
        ("feature/x", of_branch("feature/x").removeprefix("branch-")),
    ],
)
def test_two_branches_never_share_a_name(one: str, other: str) -> None:
    """What is changed or shortened is told apart; nobody can choose another's hash."""
    assert of_branch(one) != of_branch(other)


@given(st.text(min_size=1, max_size=80))
def test_any_branch_becomes_a_part_of_a_host(branch: str) -> None:
    """With the longest label of a tenant it is one DNS label, and ``--`` stands once."""
    name = of_branch(branch)
    host = f"{name}--{'l' * 39}"
    assert len(host) <= 63
    assert set(name) <= set(string.ascii_lowercase + string.digits + "-")
    assert "--" not in name
    assert not name.endswith("-")
    assert is_preview(name)
    assert not is_preview(PRODUCTION)


def test_a_stack_says_which_previews_there_are() -> None:
    """Patterns of branches, pull requests, and how long; without the field there is nothing."""
    said = parse(STACK).previews
    assert said == Previews(("feature/*", "beta"), pull_requests=True, expire=14 * 86400)
    assert said.takes("feature/a/b")
    assert not said.takes("main")
    assert parse(STACK.replace(b"previews", b"x-previews")).previews is None


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ((b"2w", b"2y"), "stack.yml:6: previews.expire: 2y is not a time"),
        ((b"2w", b"99w"), "stack.yml:6: previews.expire: 99w is not a time"),
        ((b"true", b"maybe"), "stack.yml:5: previews.pull_requests: must be true or false"),
        ((b'["feature/*", beta]', b"beta"), "stack.yml:4: previews.branches: must be a list"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(wrong: tuple[bytes, bytes], line: str) -> None:
    """The field and the line are in the message."""
    with pytest.raises(StackInvalid) as caught:
        parse(STACK.replace(*wrong))
    assert line in str(caught.value)
