"""The list of customers: how it is read, and what it changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.customers.listing import (
    Customer,
    CustomersInvalid,
    changes,
    collides,
    parse,
)

ALICE, BOB = Customer("github", "alice"), Customer("github", "bob")


def owners(text: str) -> list[str]:
    """Return the accounts of GitHub that a list lets in, in their order."""
    return [one.owner for one in changes(parse(text), ()).admitted if one.forge == "github"]


def test_a_list_is_read_as_the_predecessor_did() -> None:
    """Spaces, ends of lines of any system and the case of letters do not count."""
    assert owners(" OpenFaaS \r\n\ninlets\n") == ["openfaas", "inlets"]


def test_an_account_may_be_of_one_forge() -> None:
    """A plain name is that account of either forge."""
    listed = parse("github:alice\nbob # of both\n")

    assert listed == (ALICE, BOB, Customer("gitlab", "bob"))


@pytest.mark.weakness(11)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<!DOCTYPE html>\n<title>404</title>", "line 1 is no account"),
        ("alice\nbitbucket:bob", "line 2 is no account"),
        ("alice bob", "line 1 is no account"),
        ("", "the list is empty"),
        ("# all gone\n\n", "the list is empty"),
        ("*\n" * 100_001, "over 100000 lines"),
    ],
)
def test_what_is_no_list_is_refused(text: str, said: str) -> None:
    """An error page, another format and an empty answer name what is wrong with them."""
    with pytest.raises(CustomersInvalid, match=said):
        parse(text)


def test_nobody_has_to_be_said() -> None:
    """A list that lets nobody in is one only if it says so."""
    assert parse("nobody\n") == ()


@pytest.mark.conformance("ValidateCustomerList")
@pytest.mark.weakness(7)
@pytest.mark.parametrize(
    ("listed", "let_in"),
    [
        (["alexellis", "stefan", "ivana"], ["alexellis", "stefan", "ivana"]),
        (["alexellis", "stefan", "alexellis-suffix"], ["alexellis", "stefan"]),
        (["stefan-prodan", "stefan"], ["stefan-prodan"]),
        (["stefan-prodan", "ivana"], ["stefan-prodan", "ivana"]),
        (["alexellis", "alexe"], ["alexellis", "alexe"]),
        (["a", "a-b-c", "a-b"], ["a"]),
    ],
)
def test_who_shares_a_prefix_is_not_let_in(listed: list[str], let_in: list[str]) -> None:
    """The predecessor's vectors of ValidateCustomerList: the first of two that collide stays."""
    assert owners("\n".join(listed)) == let_in


def test_who_is_in_stays_before_who_comes() -> None:
    """A new line above an old one does not push the old one out."""
    found = changes(parse("github:alice-b\ngithub:alice"), [ALICE])

    assert (found.admitted, found.dismissed) == ((), ())
    assert found.refused == (("alice-b", "alice"),)


def test_what_is_gone_from_the_list_is_dismissed() -> None:
    """Only differences are changes."""
    found = changes([BOB], [ALICE])

    assert (found.admitted, found.dismissed, found.refused) == ((BOB,), (ALICE,), ())
    assert changes([BOB], [BOB]).admitted == ()


_NAMES = st.text("ab-", min_size=1, max_size=5).filter(lambda name: name[0] != "-")


@given(st.lists(_NAMES, max_size=12))
def test_no_two_who_are_in_collide(names: list[str]) -> None:
    """However a list is written, no two accounts that it lets in share names of functions."""
    listed = [Customer("github", name) for name in names]

    found = changes(listed, ())

    let_in = [one.owner for one in found.admitted]
    assert not any(collides(one, other) for one in let_in for other in let_in if one is not other)
    refused = {owner for owner, _ in found.refused}
    assert set(names) == set(let_in) | refused
    assert all(any(collides(owner, one) for one in let_in) for owner in refused)
