"""The desk: what it writes, on a real log, and what comes of doing it twice."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bus.connection import Bus
from edge.auth.desk import AttemptUsed, SessionGone, TokenUnknown, session_id
from edge.auth.people import Caller
from edge.auth.room import Auth
from schemas.events import Event
from schemas.events.session import SessionSignedIn, SessionSignedOut
from schemas.events.token import TokenIssued, TokenRevoked, TokenUsed
from tests.edge.auth.office import ALICE, BOB, HOST, office, sign_in

DAY = timedelta(days=1)


@pytest.fixture
async def auth(bus: Bus, tmp_path: Path) -> AsyncIterator[Auth]:
    """Yield auth with an empty log."""
    async with office(bus, tmp_path / "keys") as made:
        yield made


def who(auth: Auth, token: str, host: str = HOST) -> Caller | None:
    """Return who has a session's token."""
    return auth.verifier.known(b"", token.encode(), host)


async def facts(bus: Bus, *kinds: type[Event]) -> list[Event]:
    """Return the facts of these kinds in the log."""
    events = bus.follow.events(after=0, until=await bus.log.head())
    return [event.fact async for event in events if isinstance(event.fact, kinds)]


@pytest.mark.weakness(9)
async def test_signing_in_is_a_fact_with_its_actor_and_no_secret(auth: Auth, bus: Bus) -> None:
    """What is answered is good at once; the log knows the network, and nothing that opens."""
    token = await sign_in(auth, attempt="a random state")
    caller = who(auth, token)
    events = [e async for e in bus.follow.events(after=0, until=await bus.log.head())]
    event = next(e for e in events if isinstance(e.fact, SessionSignedIn))

    assert caller is not None
    assert (caller.user, caller.memberships) == (ALICE.user, ALICE.memberships)
    assert (event.actor, event.of.id) == ("github:Alice", session_id("a random state"))
    assert (event.fact.via, event.fact.source) == ("github", "192.0.2.0/24")  # type: ignore[attr-defined]
    assert all(token not in str(e) and "a random state" not in str(e) for e in events)


async def test_one_attempt_leads_to_one_session(auth: Auth, bus: Bus, tmp_path: Path) -> None:
    """A callback that is played again, here and at a replica, even at the same moment."""
    async with office(bus, tmp_path / "other") as replica:
        attempts = [sign_in(one, attempt="s") for one in (auth, replica, auth)]
        found = await asyncio.gather(*attempts, return_exceptions=True)
        with pytest.raises(AttemptUsed):
            await sign_in(replica, BOB, attempt="s")

    assert sum(isinstance(one, str) for one in found) == 1
    assert sum(isinstance(one, AttemptUsed) for one in found) == 2
    assert len(await facts(bus, SessionSignedIn)) == 1


async def test_a_session_has_a_token_for_each_host(auth: Auth, bus: Bus) -> None:
    """One session, one end; a token of one host is nobody at another."""
    token = await sign_in(auth)
    caller = who(auth, token)
    assert caller is not None
    other = await auth.desk.extend(caller, "bob.localhost")

    assert who(auth, token, "bob.localhost") is None
    assert who(auth, other.token) is None
    there = who(auth, other.token, "bob.localhost")
    assert there is not None
    assert (there.session, there.until) == (caller.session, caller.until)
    assert other.token not in repr(other)
    await auth.desk.sign_out(there, everywhere=False)
    assert who(auth, token) is None
    with pytest.raises(SessionGone):
        await auth.desk.extend(caller, HOST)
    assert len(await facts(bus, SessionSignedOut)) == 1


async def test_signing_out_everywhere_is_of_one_person(auth: Auth) -> None:
    """Each of his sessions ends, another person's stays, and he may sign in anew."""
    tokens = [await sign_in(auth, attempt=f"s{number}") for number in range(3)]
    bobs = await sign_in(auth, BOB, attempt="bob")
    caller = who(auth, tokens[1])
    assert caller is not None
    await auth.desk.sign_out(caller, everywhere=True)

    assert [who(auth, token) for token in tokens] == [None, None, None]
    assert who(auth, bobs) is not None
    assert who(auth, await sign_in(auth, attempt="again")) is not None


async def test_a_token_is_shown_once_and_hashed_in_the_log(auth: Auth, bus: Bus) -> None:
    """It is good until it is revoked, which is harmless to repeat before it is known."""
    caller = who(auth, await sign_in(auth))
    assert caller is not None
    id, text = await auth.desk.issue_token(
        caller,
        "ci",
        scopes=("read", "push"),
        tenants=("github/alice",),
        until=datetime.now(UTC) + DAY,
        source="here",
    )
    found = auth.verifier.known(text.encode(), b"", HOST)
    (issued,) = await facts(bus, TokenIssued)

    assert found is not None
    assert (found.session, found.scopes, found.kind) == (id, frozenset({"read", "push"}), "token")
    assert text not in str(issued)
    assert text.rpartition("_")[2] not in str(issued)
    await auth.desk.revoke_token(id, by="github:Alice")
    assert auth.verifier.known(text.encode(), b"", HOST) is None
    with pytest.raises(TokenUnknown):
        await auth.desk.revoke_token(id, by="github:Alice")
    assert len(await facts(bus, TokenRevoked)) == 1


async def test_the_use_of_a_token_is_one_fact_an_hour(auth: Auth, bus: Bus, tmp_path: Path) -> None:
    """Of a thousand uses, at two replicas; a token that nobody knows leaves none."""
    caller = who(auth, await sign_in(auth))
    assert caller is not None
    id, _ = await auth.desk.issue_token(
        caller, "ci", scopes=("read",), tenants=(), until=datetime.now(UTC) + DAY, source="here"
    )
    async with office(bus, tmp_path / "other") as replica:
        await replica.book.reached(auth.book.tokens.seq)
        for desk in (auth.desk, replica.desk):
            await asyncio.gather(*(desk.used(id, "192.0.2.0/24") for _ in range(500)))
        await auth.desk.used("000000000000", "here")
    await auth.book.reached(await bus.log.head())

    assert await facts(bus, TokenUsed) == [TokenUsed("192.0.2.0/24")]
    assert auth.book.tokens.rows[id].source == "192.0.2.0/24"
