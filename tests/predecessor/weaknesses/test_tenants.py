"""Tenants whose names look alike."""

from typing import get_args

import pytest

from edge.auth.people import Caller
from edge.auth.policy import Action, Resource, Verdict, decide
from schemas.people import Membership

ALIKE = [
    ("alex", "alexellis"),  # a prefix, without the dash
    ("alex", "alex-ellis"),  # and with it
    ("alexellis", "alex"),
    ("openfaas", "o"),  # one letter of an organisation's name
    ("openfaas", "open"),
    ("group/sub", "group"),  # a role in a group is one in its subgroups, never the other way
    ("group", "group-sub/web"),
]


@pytest.mark.weakness(3)
@pytest.mark.weakness(6)
@pytest.mark.parametrize(("own", "other"), ALIKE)
def test_a_name_that_begins_alike_opens_nothing(own: str, other: str) -> None:
    """It compared beginnings, and letters of organisations; ours compares whole owners."""
    caller = Caller(
        kind="person",
        user="github:1",
        login=f"github:{own}",
        memberships=(Membership("github", own, "owner"),),
    )
    project = Resource.of("github", f"{other}/shop")
    actions: set[Action] = set(get_args(Action)) - {"tokens"}  # those are one's own anywhere

    assert decide(caller, "secrets", Resource.of("github", f"{own}/shop")) is Verdict.YES
    assert {decide(caller, action, project) for action in actions} == {Verdict.FORBIDDEN}
    assert decide(caller, "read", Resource.of("gitlab", f"{own}/shop")) is Verdict.FORBIDDEN
