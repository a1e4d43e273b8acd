"""Whose secret a name means, on plain values."""

import pytest

from edge.api.problems import AmbiguousId, NotFound
from edge.api.projects import Project
from edge.api.scopes import of_projects, resolve
from schemas.secrets import Scope, SecretInvalid

KNOWN = of_projects(
    (
        Project(forge="github", project="1", name="Alice/Shop"),
        Project(forge="github", project="2", name="Alice/blog"),
        Project(forge="local", project="alice/shop", name="alice/shop"),
        Project(forge="gitlab", project="9", name="bob/group/tool"),
    )
)


@pytest.mark.parametrize(
    ("of", "forge", "scope"),
    [
        ("alice/blog", "", Scope("github", "Alice/blog", "2")),
        ("ALICE/SHOP", "github", Scope("github", "Alice/Shop", "1")),
        ("alice/shop", "local", Scope("local", "alice/shop", "alice/shop")),
        ("bob/group/tool", "", Scope("gitlab", "bob/group/tool", "9")),
        ("Bob", "", Scope("gitlab", "bob")),
        ("bob/Group", "", Scope("gitlab", "bob/group")),
        ("alice", "github", Scope("github", "alice")),
    ],
)
def test_names_lead_to_the_forges_own_id(of: str, forge: str, scope: Scope) -> None:
    """As people write them, in any case; a tenant once, however many projects it has."""
    assert resolve(of, forge, KNOWN) == scope


@pytest.mark.weakness(6)
@pytest.mark.parametrize("of", ["alice", "alice/shop"])
def test_a_name_that_two_forges_know_wants_the_forge(of: str) -> None:
    """No secret goes to somebody of the same name elsewhere."""
    with pytest.raises(AmbiguousId, match="github, local") as raised:
        resolve(of, "", KNOWN)

    assert "forge" in raised.value.hint


@pytest.mark.parametrize(
    ("of", "near"), [("alice/blag", "Alice/blog"), ("bop", "bob"), ("", "Alice"), ("/", "Alice")]
)
def test_an_unknown_name_is_told_with_those_that_are_near(of: str, near: str) -> None:
    """A slip of the pen sets no secret that nobody gets."""
    with pytest.raises(NotFound) as raised:
        resolve(of, "", KNOWN)

    assert near in raised.value.hint


def test_ahead_of_a_first_push_the_forge_is_said() -> None:
    """The first build may want the secret; a project elsewhere has an id that nobody knows yet."""
    assert resolve("carol", "github", ()) == Scope("github", "carol")
    assert resolve("Carol/New", "local", ()) == Scope("local", "carol/new", "carol/new")
    for of, forge in (("carol/new", "github"), ("carol/../x", "local"), ("a/b/c", "local")):
        with pytest.raises(NotFound, match="nothing was pushed yet"):
            resolve(of, forge, ())


def test_what_has_a_secret_is_known() -> None:
    """A project that was set one ahead of its push, and a tenant whose projects are gone."""
    places = (Scope("local", "carol/new", "carol/new"), Scope("github", "dave"))

    assert resolve("carol/new", "", places) == places[0]
    assert resolve("carol", "", places) == Scope("local", "carol")
    assert resolve("Dave", "", places) == places[1]
    assert resolve("alice/shop", "local", [*KNOWN, *KNOWN]) == KNOWN[2]


def test_a_forge_that_is_none_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(SecretInvalid, match=r"forge: .*github, gitlab, local"):
        resolve("alice", "sourceforge", KNOWN)
