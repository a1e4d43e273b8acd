"""Policy: the whole table, each action for each kind of caller, written out once more by hand."""

from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.auth.people import OPERATOR, PLATFORM, Caller, is_operator
from edge.auth.policy import INSTALLATION, LEAST, NEEDS, Action, Resource, Verdict, decide
from schemas.people import SCOPES, Membership, Role, Scope
from schemas.route import POLICIES, PUBLIC

ACTIONS: tuple[Action, ...] = get_args(Action)
TENANT = Resource("github", "alice")
ELSEWHERE = (Resource("github", "bob"), Resource("gitlab", "alice"), Resource("github", "ali"))
ROLES: tuple[Role, ...] = ("viewer", "member", "owner")

# by action: the roles in a tenant that may, and the scopes of tokens that may
BY_HAND: dict[str, tuple[str, str]] = {
    "read": ("viewer member owner", "read"),
    "push": ("member owner", "push"),
    "run": ("member owner", "run"),
    "secrets": ("member owner", "secrets"),
    "tenant-secrets": ("owner", "secrets"),
    "members": ("owner", "operate"),
    "audit": ("owner", "read operate"),
    "domains": ("owner", "operate"),
    "configure": ("owner", "operate"),
    "operate": ("", "operate"),
}


def caller(
    role: Role | None = None, *scopes: Scope, operator: bool = False, token: bool = False
) -> Caller:
    """Return somebody who is this in the tenant; with ``token``, a token of his."""
    return Caller(
        kind="token" if token else "person",
        user="github:1",
        login="github:ann",
        memberships=() if role is None else (Membership("github", "alice", role),),
        operator=operator,
        scopes=frozenset(scopes) if token else None,
    )


def may(who: Caller | None, action: Action, on: Resource = TENANT) -> bool:
    """Tell whether it is a yes."""
    return decide(who, action, on) is Verdict.YES


def test_each_action_is_in_the_table() -> None:
    """One that is not would be refused; one without a row here was not thought of."""
    assert set(BY_HAND) == set(NEEDS) == set(ACTIONS) - {"invoke", "tokens"}


@pytest.mark.weakness(3)
@pytest.mark.parametrize("action", BY_HAND)
def test_people_by_their_role(action: Action) -> None:
    """In their tenant by its roles; in others, in the installation, and as nobody: nothing."""
    roles, _ = BY_HAND[action]
    for role in (None, *ROLES):
        assert may(caller(role), action) is (role in roles.split())
        assert not any(may(caller(role), action, other) for other in (*ELSEWHERE, INSTALLATION))
        assert may(caller(role, operator=True), action)
    assert decide(None, action, TENANT) is Verdict.SIGN_IN
    assert decide(caller(), action, TENANT) is Verdict.FORBIDDEN


@pytest.mark.parametrize("action", BY_HAND)
def test_tokens_by_role_and_scope(action: Action) -> None:
    """A token may what its person may, and only where a scope of it says so as well."""
    roles, scopes = BY_HAND[action]
    for role, scope in product((None, *ROLES), SCOPES):
        allowed = scope in scopes.split()
        assert may(caller(role, scope, token=True), action) is (allowed and role in roles.split())
        assert may(caller(role, scope, token=True, operator=True), action) is allowed
    assert not may(caller("owner", token=True), action)


def test_operators_and_the_platforms_own_token_may_everything() -> None:
    """Everywhere, also where there is no tenant."""
    for action, on in product(BY_HAND, (TENANT, *ELSEWHERE, INSTALLATION)):
        assert may(PLATFORM, action, on)  # type: ignore[arg-type]
        assert may(caller(operator=True), action, on)  # type: ignore[arg-type]


def test_only_people_make_tokens() -> None:
    """A token that makes tokens would outlive its own end."""
    assert may(caller(), "tokens", INSTALLATION)
    assert may(PLATFORM, "tokens", INSTALLATION)
    assert not any(may(caller("owner", scope, token=True), "tokens") for scope in SCOPES)
    assert decide(None, "tokens", INSTALLATION) is Verdict.SIGN_IN


# by policy of a function: the roles of people who may call it ("-" for none), and of tokens
FUNCTIONS: dict[str, tuple[str, str]] = {
    "public": ("- viewer member owner", "- viewer member owner"),
    "signed-in": ("- viewer member owner", ""),
    "members": ("viewer member owner", ""),
    "role:member": ("member owner", ""),
    "role:owner": ("owner", ""),
    "token": ("", "viewer member owner"),
}


@pytest.mark.parametrize("policy", FUNCTIONS)
def test_functions_by_their_policy(policy: str) -> None:
    """For nobody, people and tokens of each role, within and without the function's tenant."""
    people, tokens = FUNCTIONS[policy]
    on = Resource("github", "alice", policy)
    for role in (None, *ROLES):
        name = role or "-"
        assert may(caller(role), "invoke", on) is (name in people.split())
        assert may(caller(role, "invoke", token=True), "invoke", on) is (name in tokens.split())
        unscoped = caller(role, *set(SCOPES) - {"invoke"}, token=True)
        assert may(unscoped, "invoke", on) is (policy == PUBLIC)
        stranger = may(caller(role), "invoke", Resource("github", "bob", policy))
        assert stranger is (policy in (PUBLIC, "signed-in"))
    nobody = Verdict.YES if policy == PUBLIC else Verdict.SIGN_IN
    assert decide(None, "invoke", on) is nobody
    assert may(PLATFORM, "invoke", on)


def test_each_policy_that_a_stack_may_name_is_in_the_table() -> None:
    """One without a row here was not thought of."""
    assert set(FUNCTIONS) == set(POLICIES) == {PUBLIC, *LEAST}


@pytest.mark.weakness(1)
@pytest.mark.parametrize("policy", ["", "Public", "public ", "admins", "members,public", "role:"])
def test_an_unknown_policy_lets_nobody_in(policy: str) -> None:
    """Of a newer release, or of a damaged fact: closed, whoever asks."""
    on = Resource("github", "alice", policy)
    for who in (None, caller("owner"), caller(operator=True), PLATFORM):
        assert decide(who, "invoke", on) is Verdict.FORBIDDEN


@pytest.mark.weakness(3)
@given(st.text(), st.sampled_from(ROLES), st.text(), st.text())
def test_anything_else_is_no(action: str, role: Role, forge: str, owner: str) -> None:
    """An action that nobody knows, and a tenant that is not the caller's, whatever they are."""
    on = Resource(forge, owner)
    if action not in ACTIONS:
        assert not may(caller(operator=True), action, on)  # type: ignore[arg-type]
    if on != TENANT:
        assert not any(may(caller(role), known, on) for known in ACTIONS if known != "tokens")


@pytest.mark.weakness(22)
def test_a_resource_is_the_owner_of_a_project() -> None:
    """Owners may have slashes, of which the last is the project's; case tells nobody apart."""
    assert Resource.of("github", "Alice/shop") == TENANT
    assert Resource.of("gitlab", "Group/Sub/shop") == Resource("gitlab", "group/sub")
    assert Resource.of("github", "shop") == Resource("github", "")
    assert not may(caller("owner"), "read", Resource.of("github", "shop"))


@pytest.mark.parametrize(
    ("setting", "user", "login", "expected"),
    [
        ("github:Alice", "github:1", "github:alice", True),
        ("github:alice", "github:1", "gitlab:alice", False),
        ("github:1", "github:1", "github:alice", True),
        ("github:1", "github:2", "github:1", False),  # whose login is another's id
        ("oidc:alice", "oidc:7", "oidc:alice", False),  # people choose their name there
        ("oidc:7", "oidc:7", "oidc:alice", True),
        ("oidc:Ab", "oidc:ab", "oidc:x", False),  # subjects tell case apart
        ("", "github:1", "github:", False),
    ],
)
def test_who_is_an_operator(setting: str, user: str, login: str, *, expected: bool) -> None:
    """By login where a login is one's own, by id and subject elsewhere."""
    assert is_operator(user, login, (setting,)) is expected
    assert is_operator(OPERATOR.user, OPERATOR.login, ())


@pytest.mark.parametrize(
    ("owner", "role"),
    [("acme", "member"), ("acme/web", "owner"), ("acme/web/shop", "owner"), ("acme-web", None)],
)
def test_a_role_in_a_group_is_one_in_its_subgroups(owner: str, role: Role | None) -> None:
    """Never the other way round, and not in what is only called alike."""
    caller = Caller(
        kind="person",
        user="gitlab:1",
        login="gitlab:alice",
        memberships=(
            Membership("gitlab", "acme", "member"),
            Membership("gitlab", "acme/web", "owner"),
        ),
    )
    assert caller.role("gitlab", owner) == role
    assert caller.role("github", owner) is None
