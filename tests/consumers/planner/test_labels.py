"""Labels of tenants."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.planner.labels import LONGEST, RESERVED, allot, slug


@pytest.mark.parametrize(
    ("owner", "label"),
    [
        ("Alice", "alice"),
        ("a__b..c", "a-b-c"),
        ("-x-", "x"),
        ("group name", "group-name"),
        ("x" * 60, "x" * LONGEST),
        ("x--y", "x-y"),
    ],
)
def test_a_slug_is_the_login(owner: str, label: str) -> None:
    """A label is the login in lower case, with dashes for what a host name cannot have."""
    assert slug(owner) == label


@given(st.text(max_size=80), st.sets(st.text(max_size=40), max_size=5))
def test_labels_are_dns_labels(owner: str, taken: set[str]) -> None:
    """Whatever the login, the label is a DNS label without ``--``, and nobody else's."""
    taken |= {slug(owner)} if len(taken) % 2 else set()
    label = allot(owner, taken)

    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", label)
    assert len(label) <= LONGEST
    assert label not in taken | RESERVED


def test_reserved_names_are_nobody_s() -> None:
    """The names of our own hosts are refused by exact match, not by their beginning."""
    assert allot("system", ()) == "system-2"
    assert allot("systems", ()) == "systems"


def test_the_next_free_number_is_taken() -> None:
    """The third tenant of one slug gets number 3, cut to fit."""
    assert allot("alice", {"alice", "alice-2"}) == "alice-3"
    assert allot("x" * 50, {"x" * LONGEST}) == "x" * (LONGEST - 2) + "-2"
