"""The door, with real sessions and tokens: whose page asks, and how often somebody may be wrong."""

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bus.connection import Bus
from edge.auth.attempts import Attempts
from edge.auth.door import Door, OriginForeign, TokenMissing, TooManyAttempts
from edge.auth.settings import AuthSettings, digest
from schemas.events.token import TokenUsed
from tests.edge.auth.office import ALICE, office, sign_in

SYSTEM = "system.localhost"
PLATFORM_TOKEN = b"Bearer the-token"


class Town(NamedTuple):
    """A door, and what two callers have."""

    door: Door
    cookie: bytes
    token: bytes


@pytest.fixture
async def town(bus: Bus, tmp_path: Path) -> AsyncIterator[Town]:
    """Yield a door that knows alice by a session and by a token."""
    settings = AuthSettings(token_digest=digest("the-token"))
    async with office(bus, tmp_path / "keys", settings) as auth:
        session = await sign_in(auth, host=SYSTEM)
        caller = auth.verifier.known(b"", session.encode(), SYSTEM)
        assert caller
        until = datetime.now(UTC) + timedelta(days=1)
        _, text = await auth.desk.issue_token(
            caller, "ci", scopes=("read",), tenants=(), until=until, source="here"
        )
        door = Door(auth, Door.own_hosts("localhost"), attempts=Attempts(each=3))
        yield Town(door, f"pushline={session}".encode(), f"Bearer {text}".encode())


def request(method: str = "POST", /, **headers: bytes) -> dict[str, Any]:
    """Return the head of a request to our own host."""
    given = {"host": b"system.localhost:8080"} | headers
    pairs = [(name.replace("_", "-").encode(), value) for name, value in given.items()]
    return {"type": "http", "method": method, "headers": pairs}


OWN = b"http://system.localhost:8080"


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"origin": OWN}, True),
        ({"sec_fetch_site": b"same-origin"}, True),
        ({"origin": OWN, "sec_fetch_site": b"same-origin"}, True),
        ({}, False),
        ({"sec_fetch_site": b"none"}, False),
        ({"sec_fetch_site": b"same-site"}, False),
        ({"sec_fetch_site": b"cross-site"}, False),
        ({"origin": b"null"}, False),
        ({"origin": b"http://alice.localhost:8080"}, False),
        ({"origin": b"http://system.localhost:8081"}, False),
        ({"origin": b"http://system.localhost:8080.evil.example"}, False),
        ({"origin": b"https://evil.example", "sec_fetch_site": b"same-origin"}, False),
    ],
)
async def test_a_change_by_cookie_comes_from_our_own_page(
    town: Town, headers: dict[str, bytes], *, allowed: bool
) -> None:
    """Anything else is what another site's page makes a browser send; reading harms nobody."""
    if allowed:
        assert town.door.enter(request(cookie=town.cookie, **headers)).caller.login == ALICE.login
    else:
        with pytest.raises(OriginForeign):
            town.door.enter(request(cookie=town.cookie, **headers))
    read = request("GET", cookie=town.cookie)
    assert town.door.enter(read).caller.login == ALICE.login


async def test_a_token_needs_no_page(town: Town) -> None:
    """A command sends no Origin; a page of another site that has a remembered password does."""
    for authorization in (town.token, PLATFORM_TOKEN):
        town.door.enter(request(authorization=authorization))
        with pytest.raises(OriginForeign):
            town.door.enter(request(authorization=authorization, origin=b"http://evil.example"))


async def test_https_pages_alone_change_what_is_on_https(bus: Bus, tmp_path: Path) -> None:
    """A page that somebody between us wrote, at the same host by plain http, is foreign."""
    settings = AuthSettings(root_domain="example.org", scheme="https")
    async with office(bus, tmp_path / "keys", settings) as auth:
        door = Door(auth, Door.own_hosts("example.org"))
        for scheme, foreign in ((b"https", False), (b"http", True)):
            head = request(host=b"system.example.org", origin=scheme + b"://system.example.org")
            if foreign:
                with pytest.raises(OriginForeign):
                    door.from_our_page(head)
            else:
                door.from_our_page(head)


async def test_guesses_are_held_back_and_good_tokens_never(town: Town) -> None:
    """From one network, after a few guesses: 429, with how long; and yet who has a token passes."""
    guess = request("GET", authorization=b"Bearer plt_000000000000_" + b"0" * 64)
    for _ in range(3):
        with pytest.raises(TokenMissing):
            town.door.enter(guess)
    with pytest.raises(TooManyAttempts) as caught:
        town.door.enter(guess)

    assert 0 < caught.value.wait <= 60
    assert town.door.enter(request("GET", authorization=town.token)).caller.kind == "token"
    elsewhere = request("GET", authorization=b"Bearer x", x_forwarded_for=b"198.51.100.7")
    with pytest.raises(TokenMissing):
        town.door.enter(elsewhere)
    with pytest.raises(TokenMissing):  # no credentials are no guess
        town.door.enter(request("GET"))


async def test_the_use_of_a_token_is_recorded_with_its_network(town: Town, bus: Bus) -> None:
    """Not the address; and once, however often it is used."""
    seq = await bus.log.head()
    for _ in range(5):
        head = request("GET", authorization=town.token, x_forwarded_for=b"198.51.100.7")
        assert town.door.enter(head).source == "198.51.100.0/24"

    async for event in bus.follow.events(after=seq):
        assert event.fact == TokenUsed(source="198.51.100.0/24")
        assert event.actor == ALICE.login
        break
    assert await bus.log.head() == seq + 1


async def test_rights_that_end_end_for_who_is_connected(town: Town) -> None:
    """An answer that goes on asks again, and the same credentials are nobody's."""
    asking = town.door.enter(request("GET", authorization=town.token))
    assert asking.sees("github", "alice/hello")
    assert asking.still_sees("github", "alice/hello")

    await town.door.auth.desk.revoke_token(asking.caller.session, by="test")

    assert not asking.still_sees("github", "alice/hello")
    assert town.door.caller(request("GET", authorization=town.token)) is None


async def test_who_has_the_platforms_token_may_say_who_he_is(town: Town) -> None:
    """The name beside it is a label; a token of a person's speaks for that person alone."""
    basic = b"Basic " + base64.b64encode(b"bob:" + town.token[7:])
    named = b"Basic " + base64.b64encode(b"bob:the-token")

    assert town.door.enter(request("GET", authorization=basic)).actor == ALICE.login
    assert town.door.enter(request("GET", authorization=named)).actor == "bob"
    assert town.door.enter(request("GET", authorization=PLATFORM_TOKEN)).actor == "operator"
    odd = b"Basic " + base64.b64encode(b"\x1b[31m" + b"b" * 500 + b":the-token")
    assert town.door.enter(request("GET", authorization=odd)).actor == "[31m" + "b" * 96
