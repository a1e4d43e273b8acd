"""Closed routes: who is let in, what the function is told of him, and what it never gets."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from edge.auth.settings import AuthSettings, digest
from edge.auth.verifier import NotReady
from edge.domains import Domain
from schemas.route import POLICIES, RouteOptions
from tests.edge.auth.told import ALICE, BOB, Told
from tests.edge.router.conftest import Running, Start
from tests.edge.router.test_streams import UPGRADE, websocket
from tests.edge.router.wire import (
    Answer,
    Upstream,
    calling,
    echo,
    get,
    post,
    until,
    upstream,
)

HOST = "alice.localhost"
PLATFORMS = "the one token"
AUTH = AuthSettings(token_digest=digest(PLATFORMS))
NAVIGATION = "Sec-Fetch-Mode: navigate"


@dataclass
class Closed:
    """A router that people can sign in to, and a function behind it."""

    router: Running
    told: Told
    function: Upstream

    def close(self, policy: str, *, preflight: bool = False) -> None:
        """Give the function a policy."""
        options = RouteOptions(policy=policy, preflight=preflight)
        self.router.route("closed", "unix:fn.sock", options=options)

    def cookie(self, session: str, user: str = ALICE, host: str = HOST) -> str:
        """Return the header line of a session's cookie."""
        return f"Cookie: a=1; pushline={self.told.token(session, host, user).decode()}; b=2"

    async def ask(self, *headers: str, path: str = "/closed", host: str = HOST) -> Answer:
        """Return the answer to one request."""
        async with calling(self.router.port) as caller:
            return await caller.ask(get(path, *headers, host=host))


@pytest.fixture
async def closed(start: Start) -> AsyncIterator[Closed]:
    """Yield a router whose tenant alice has a closed function, which echoes."""
    async with start(auth=AUTH) as running, upstream(running.run / "fn.sock", echo) as function:
        doorkeeper = running.router.doorkeeper
        told = Told(doorkeeper.book)
        told.labelled("alice")
        await until(lambda: doorkeeper.verifier.signature is not None)
        made = Closed(running, told, function)
        made.close("members")
        yield made


CALLERS = ("nobody", "stranger", "viewer", "member", "owner", "token", "other token", "platform")
LET_IN = {
    "public": CALLERS,
    "signed-in": ("stranger", "viewer", "member", "owner", "platform"),
    "members": ("viewer", "member", "owner", "platform"),
    "role:member": ("member", "owner", "platform"),
    "role:owner": ("owner", "platform"),
    "token": ("token", "platform"),
    "of-tomorrow": (),
}


def credentials(closed: Closed) -> dict[str, tuple[str, ...]]:
    """Return the header lines of each caller."""
    told = closed.told
    found: dict[str, tuple[str, ...]] = {"nobody": ()}
    for number, role in enumerate(("stranger", "viewer", "member", "owner"), 10):
        user, is_in = f"github:{number}", [] if role == "stranger" else [("alice", role)]
        session = told.signed_in(user, *is_in, login=f"github:{role}")  # type: ignore[arg-type]
        found[role] = (closed.cookie(session, user),)
    found["token"] = (f"Authorization: Bearer {told.issued('invoke', user='github:13')}",)
    found["other token"] = (f"Authorization: Bearer {told.issued('read', user='github:13')}",)
    found["platform"] = (f"Authorization: Bearer {PLATFORMS}",)
    return found


@pytest.mark.parametrize("policy", LET_IN)
async def test_the_table_of_policies(closed: Closed, policy: str) -> None:
    """Each policy that a stack may name, and one that nobody knows, for each kind of caller."""
    assert set(LET_IN) == {*POLICIES, "of-tomorrow"}
    known = credentials(closed)
    closed.close(policy)
    answers = {name: await closed.ask(*known[name]) for name in CALLERS}

    assert {name for name in CALLERS if answers[name].status == 200} == set(LET_IN[policy])
    refused = {name: answers[name].status for name in CALLERS if name not in LET_IN[policy]}
    nobody = 403 if policy == "of-tomorrow" else 401
    assert refused == {name: nobody if name == "nobody" else 403 for name in refused}


async def test_a_function_is_told_who_calls(closed: Closed) -> None:
    """Id, login, kind and role, by lines of ours alone; what a caller writes there is dropped."""
    session = closed.told.signed_in(BOB, ("alice", "member"), login="github:B\u00f6b x\r\nA: b")
    await closed.ask(
        closed.cookie(session, BOB), "X-Pushline-User: github:1", "x_pushline_role: owner"
    )
    request = closed.function.requests[0]
    said = {name: value for name, value in request.headers.items() if "pushline" in name}

    assert said == {
        "x-pushline-user": [BOB],
        "x-pushline-login": ["github:B%C3%B6b%20x%0D%0AA:%20b"],
        "x-pushline-kind": ["person"],
        "x-pushline-role": ["member"],
    }


async def test_a_public_function_is_told_nothing_and_gets_no_credential(closed: Closed) -> None:
    """It asked for nobody: a visitor's cookie and token stay with the router all the same."""
    closed.close("public")
    session = closed.told.signed_in(ALICE)
    await closed.ask(closed.cookie(session), f"Authorization: Bearer {closed.told.issued('read')}")
    headers = closed.function.requests[0].headers

    assert headers["cookie"] == ["a=1; b=2"]
    assert not {"authorization", "x-pushline-user"} & headers.keys()


async def test_the_platform_gets_credentials_as_they_came(closed: Closed) -> None:
    """On its own hosts, and under its own path of every host that is known."""
    session = closed.told.signed_in(ALICE)
    cookie = closed.cookie(session)
    hosts = ("system.localhost", "/x"), (HOST, "/.pushline/session"), ("shop.test", "/.pushline/")
    closed.router.router.table.map("shop.test", _domain("shop.test"))
    async with upstream(closed.router.run / "platform.sock", echo) as platform:
        for host, path in hosts:
            await closed.ask(cookie, "X-Pushline-User: me", path=path, host=host)
        unknown = await closed.ask(path="/.pushline/login", host="nobody.localhost")

    assert [(one.headers["host"][0], one.target) for one in platform.requests] == [*hosts]
    assert {one.headers["cookie"][0] for one in platform.requests} == {cookie.partition(": ")[2]}
    assert not any("x-pushline-user" in one.headers for one in platform.requests)
    assert (unknown.status, unknown.cause) == (404, "no_host")


@pytest.mark.parametrize("how", [NAVIGATION, "Accept: text/html,*/*;q=0.8"])
async def test_a_browser_is_led_to_sign_in_and_back(closed: Closed, how: str) -> None:
    """On the same host, with the path and query that it asked for; nothing is kept."""
    answer = await closed.ask(how, path="/closed/a%20b?q=1&r=%2F%2Fevil")

    assert (answer.status, answer.cause) == (303, "sign_in")
    led = "/.pushline/login?r=%2Fclosed%2Fa%2520b%3Fq%3D1%26r%3D%252F%252Fevil"
    assert answer.headers["location"] == led
    assert answer.headers["cache-control"] == "no-store"
    assert closed.function.requests == []


@pytest.mark.parametrize("headers", [("Accept: */*",), ("Sec-Fetch-Mode: cors",), ()])
async def test_a_program_is_told_what_is_missing(closed: Closed, headers: tuple[str, ...]) -> None:
    """401 with a challenge, before the function learns of it; the connection stays usable."""
    async with calling(closed.router.port) as caller:
        refused = await caller.ask(get("/closed", *headers, host=HOST))
        posted = await caller.ask(post(b"x", "/closed", NAVIGATION))

    assert (refused.status, refused.cause) == (401, "sign_in")
    assert refused.headers["www-authenticate"] == 'Bearer realm="pushline"'
    assert posted.status == 401
    assert closed.function.requests == []


async def test_a_function_for_tokens_leads_nobody_to_sign_in(closed: Closed) -> None:
    """No browser can satisfy it, and would go round in circles."""
    closed.close("token")

    assert (await closed.ask(NAVIGATION)).status == 401


async def test_preflights_pass_where_the_stack_says_so(closed: Closed) -> None:
    """By the Fetch standard they carry no credentials; the function answers, and is told nobody."""
    ask = (
        b"OPTIONS /closed HTTP/1.1\r\nHost: alice.localhost\r\nOrigin: https://app.test\r\n"
        b"Access-Control-Request-Method: POST\r\n"
    )
    async with calling(closed.router.port) as caller:
        shut = await caller.ask(ask + b"\r\n")
        closed.close("members", preflight=True)
        open_ = await caller.ask(ask + b"\r\n")
        with_body = await caller.ask(ask + b"Content-Length: 1\r\n\r\nx")
        plain = await caller.ask(ask.replace(b"Access-Control-Request-Method", b"X") + b"\r\n")
        got = await caller.ask(ask.replace(b"OPTIONS", b"GET") + b"\r\n")

    assert [one.status for one in (shut, open_, with_body, plain, got)] == [401, 200, 401, 401, 401]
    assert [one.method for one in closed.function.requests] == ["OPTIONS"]


@pytest.mark.weakness(1)
async def test_until_signatures_can_be_verified_a_good_session_has_to_wait(start: Start) -> None:
    """503 and not 401: who is signed in is not sent to sign in again."""
    async with start(auth=AUTH) as running:
        doorkeeper = running.router.doorkeeper
        told = Told(doorkeeper.book)
        await until(lambda: doorkeeper.verifier.signature is not None)
        doorkeeper.verifier.signature = None
        running.route("closed", "unix:fn.sock", options=RouteOptions(policy="signed-in"))
        token = told.token(told.signed_in(ALICE), HOST).decode()
        async with calling(running.port) as caller:
            answer = await caller.ask(get("/closed", f"Cookie: pushline={token}", host=HOST))

    assert (answer.status, answer.cause) == (503, "policy_unavailable")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.weakness(1)
async def test_whatever_breaks_lets_nobody_in(
    closed: Closed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A verifier that fails is told of by the error's kind, never by what it was asked."""
    verifier = closed.router.router.doorkeeper.verifier

    def broken(token: bytes, session: bytes, host: str) -> None:
        raise ConnectionError(token, session, host)

    monkeypatch.setattr(verifier, "known", broken)
    answer = await closed.ask("Cookie: pushline=of-somebody")

    assert (answer.status, answer.cause) == (503, "policy_unavailable")
    assert "of-somebody" not in caplog.text
    assert NotReady.code == "auth_not_ready"


async def test_a_route_that_closes_while_a_request_waits_for_it_is_closed(closed: Closed) -> None:
    """Found open, looked up anew once its upstream is there: the new policy holds."""
    running = closed.router
    running.route("late", "unix:gone.sock")
    options = RouteOptions(policy="members")
    async with upstream(running.run / "new.sock", echo) as served, calling(running.port) as caller:
        await caller.send(get("/late", host=HOST))
        await until(lambda: any(front.dialing for front in running.router.fronts))
        running.route("late", "unix:new.sock", options=options)
        answer = await caller.answer()

    assert (answer.status, answer.cause) == (401, "sign_in")
    assert served.requests == []


async def test_a_route_that_opens_while_a_request_waits_tells_its_function_nothing(
    closed: Closed,
) -> None:
    """The head was written for a closed route; what goes on is what the open one gets."""
    running, session = closed.router, closed.told.signed_in(ALICE, ("alice", "owner"))
    running.route("late", "unix:gone.sock", options=RouteOptions(policy="members"))
    async with upstream(running.run / "new.sock", echo) as served, calling(running.port) as caller:
        await caller.send(get("/late", closed.cookie(session), host=HOST))
        await until(lambda: any(front.dialing for front in running.router.fronts))
        running.route("late", "unix:new.sock")
        answer = await caller.answer()

    assert answer.status == 200
    assert not any("pushline" in name for name in served.requests[0].headers)


@pytest.mark.parametrize("end", ["signed out", "put out", "stays"])
async def test_a_long_call_ends_with_its_callers_rights(closed: Closed, end: str) -> None:
    """A WebSocket of somebody who is signed out, or no member any more, is cut off soon."""
    session = closed.told.signed_in(BOB, login="github:Bob")
    closed.told.member("github:bob", "member")
    async with (
        upstream(closed.router.run / "talk.sock", websocket),
        calling(closed.router.port) as caller,
    ):
        options = RouteOptions(policy="members")
        closed.router.route("talk", "unix:talk.sock", options=options)
        await caller.send(get("/talk", closed.cookie(session, BOB), *UPGRADE, host=HOST))
        assert (await caller.head()).status == 101
        match end:
            case "signed out":
                closed.told.signed_out(session, BOB)
            case "put out":
                closed.told.member("github:bob", None)
        cut = asyncio.create_task(caller.reader.read())
        done, _ = await asyncio.wait((cut,), timeout=1.5)
        cut.cancel()

    assert bool(done) is (end != "stays")


async def test_who_is_turned_away_is_noted_and_who_came_by_is_not(closed: Closed) -> None:
    """A known person and a bad token are; neither leaves an address or a credential."""
    stranger = closed.told.signed_in(BOB)
    bad = closed.told.issued("invoke")[:-1] + "x"
    bad = bad[:-1] + ("0" if bad[-1] != "0" else "1")
    await closed.ask()
    await closed.ask(closed.cookie(stranger, BOB))
    await closed.ask(f"Authorization: Bearer {bad}")
    noted = list(closed.router.router.doorkeeper.denials.waiting)

    assert [(one.reason, one.on, one.user, one.source) for one in noted] == [
        ("forbidden", "alice/production/closed", BOB, "here"),
        ("credentials", "alice/production/closed", "", "here"),
    ]
    assert bad not in json.dumps(noted)


def _domain(host: str) -> Domain:
    return Domain(host, "alice", "", datetime.now(UTC), "test")
