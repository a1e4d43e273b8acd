"""Tenants within tenants, on plain values."""

import pytest

from consumers.forges.customers import admits
from consumers.planner.labels import allot
from schemas.secrets import Scope, reaching
from schemas.tenants import account, lineage


@pytest.mark.parametrize(
    ("owner", "found"),
    [("alice", ("alice",)), ("a/b/c", ("a/b/c", "a/b", "a")), ("", ("",)), ("/", ("/",))],
)
def test_an_owner_lies_in_the_groups_above_it(owner: str, found: tuple[str, ...]) -> None:
    """Innermost first; odd names end, too."""
    assert lineage(owner) == found


@pytest.mark.parametrize(
    ("listed", "in_"), [("a", True), ("a/b", True), ("a/b/c", True), ("a/x", False), ("b", False)]
)
def test_a_customer_s_groups_are_customers(listed: str, *, in_: bool) -> None:
    """Any group above is enough; a namesake elsewhere and a prefix are not."""
    assert admits({f"gitlab {listed}"}, "gitlab", "A/B/C") is in_
    assert not admits({f"github {listed}"}, "gitlab", "A/B/C")
    assert not admits({"gitlab a/b/c"}, "gitlab", "a/b/cd")


def test_the_nearest_secret_counts() -> None:
    """A project's own goes before its group's, and that before the groups above."""
    assert reaching("gitlab", "9", "a/b") == (
        Scope("gitlab", "a/b", "9"),
        Scope("gitlab", "a/b"),
        Scope("gitlab", "a"),
    )
    assert Scope("gitlab", "a/b/shop", "9").owner == Scope("gitlab", "A/B").owner == "a/b"


@pytest.mark.weakness(7)
def test_labels_of_groups_do_not_collide() -> None:
    """Names that come to the same label get a number: nobody answers in another's place."""
    taken: list[str] = []
    for owner in ("a/b", "a-b", "a.b", "a/b/c", "a-b/c"):
        taken.append(allot(owner, taken))

    assert taken == ["a-b", "a-b-2", "a-b-3", "a-b-c", "a-b-c-2"]


@pytest.mark.parametrize(
    ("forge", "name", "whose"),
    [
        ("github", "Acme/shop", "github acme"),
        ("gitlab", "Group/sub/shop", "gitlab group"),
        ("local", "", "local "),
    ],
)
def test_groups_within_a_group_are_one_account(forge: str, name: str, whose: str) -> None:
    """Another subgroup is not another share of places and quotas."""
    assert account(forge, name) == whose
