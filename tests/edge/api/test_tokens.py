"""API tokens by HTTP: what may be given away, who sees and revokes them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from bus.connection import Bus
from edge.auth.people import PLATFORM, Caller
from schemas.envelope import Aggregate
from schemas.events.session import SessionSignedIn
from schemas.people import Membership
from tests.edge.api.serving import Serving, serving
from tests.edge.auth.entering import person

UNTIL = datetime(2099, 1, 1, tzinfo=UTC)
ALICE, VERA = person("alice", "owner"), person("vera", "viewer")


@pytest.fixture
async def served(bus: Bus) -> AsyncIterator[Serving]:
    """Yield the API of an installation where alice and vera have signed in."""
    async with serving(bus) as served:
        for number, caller in enumerate((ALICE, VERA)):
            fact = SessionSignedIn(
                caller.user, caller.login, "github", UNTIL, memberships=caller.memberships
            )
            await served.write(fact, Aggregate("", "", "session", f"s{number}"))
        yield served


async def make(served: Serving, caller: Caller, **wanted: Any) -> tuple[int, Any]:
    """Ask for a token."""
    body = {"name": "ci", "scopes": ["read"]} | wanted
    answer = await served.ask(caller, "POST", "/api/tokens", body)
    return answer.status, answer.json


async def test_a_token_is_good_at_once_and_bad_at_once(served: Serving) -> None:
    """Made, used, listed without its text, revoked."""
    status, made = await make(served, ALICE, scopes=["push", "read"], tenants=["Local/Alice"])
    assert status == 200
    found = served.auth.verifier.known(made["token"].encode(), b"", "localhost")
    assert found
    assert (found.login, found.scopes) == (ALICE.login, frozenset(("push", "read")))
    (listed,) = (await served.ask(ALICE, "GET", "/api/tokens")).json["items"]
    assert (listed["id"], listed["name"], listed["tenants"]) == (made["id"], "ci", ["local/alice"])
    assert made["token"] not in str(listed)

    gone = await served.ask(ALICE, "DELETE", f"/api/tokens/{made['id']}")

    assert gone.status == 200
    assert served.auth.verifier.known(made["token"].encode(), b"", "localhost") is None
    assert (await served.ask(ALICE, "GET", "/api/tokens")).json["items"] == []


async def test_whoever_has_the_home_makes_tokens_of_its_own(served: Serving) -> None:
    """They may everything, unless they are for some tenants: there they are an owner's."""
    _, all_of_it = await make(served, PLATFORM, scopes=["operate"])
    _, one = await make(served, PLATFORM, tenants=["local/alice"])
    known = served.auth.verifier.known

    operator = known(all_of_it["token"].encode(), b"", "localhost")
    owner = known(one["token"].encode(), b"", "localhost")

    assert operator
    assert owner
    assert operator.operator
    assert (owner.operator, owner.memberships) == (False, (Membership("local", "alice", "owner"),))


@pytest.mark.parametrize(
    ("caller", "wanted", "says"),
    [
        (VERA, {"scopes": ["push"]}, "may not give away the scope push"),
        (VERA, {"scopes": ["operate"]}, "may not give away the scope operate"),
        (ALICE, {"tenants": ["local/bob"]}, "is nothing in local/bob"),
        (person("alice", "owner", "alice", "read"), {}, "no token may do this"),
    ],
)
async def test_nobody_gives_away_what_is_not_his(
    served: Serving, caller: Caller, wanted: dict[str, Any], says: str
) -> None:
    """403 says what it is; no token is there."""
    status, problem = await make(served, caller, **wanted)
    assert (status, says in problem["detail"]) == (403, True), problem
    assert not served.auth.book.tokens.rows


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 61}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"tenants": ["alice"]}, "tenants"),
        ({"days": 0}, "days"),
        ({"days": 366}, "days"),
    ],
)
async def test_what_cannot_be_made_names_its_field(
    served: Serving, wanted: dict[str, Any], field: str
) -> None:
    """422, with how to write it."""
    status, problem = await make(served, ALICE, **wanted)
    assert (status, problem["detail"].split(":")[0]) == (422, field)


async def test_a_token_ends_itself_and_what_may_no_more_than_it(served: Serving) -> None:
    """So that a command can sign out; a small token cannot end a great one."""
    ids = {}
    for name, scopes in (("great", ["read", "push"]), ("small", ["read"])):
        ids[name] = (await make(served, ALICE, name=name, scopes=scopes))[1]
    small = served.auth.verifier.known(ids["small"]["token"].encode(), b"", "localhost")
    great = served.auth.verifier.known(ids["great"]["token"].encode(), b"", "localhost")

    async def end(caller: Caller | None, name: str) -> int:
        return (await served.ask(caller, "DELETE", f"/api/tokens/{ids[name]['id']}")).status

    assert await end(small, "great") == 404
    assert await end(VERA, "great") == 404
    assert len((await served.ask(small, "GET", "/api/tokens")).json["items"]) == 1
    assert len((await served.ask(great, "GET", "/api/tokens")).json["items"]) == 2
    assert await end(great, "small") == 200
    assert await end(great, "great") == 200
