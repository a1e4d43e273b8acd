"""Roles given by hand: on a real log, at once, whoever writes at the same moment."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from bus.connection import Bus
from edge.auth.people import PLATFORM, Caller
from edge.auth.policy import Resource
from edge.auth.room import Auth
from edge.auth.roster import MemberInvalid, MemberSelf, Roster
from schemas.events.tenant import TenantMemberSet
from schemas.people import Membership, Role
from tests.edge.auth.office import BOB, HOST, office, sign_in

ACME = Resource("local", "acme")


@pytest.fixture
async def auth(bus: Bus, tmp_path: Path) -> AsyncIterator[Auth]:
    """Yield auth with an empty log."""
    async with office(bus, tmp_path / "keys") as made:
        yield made


async def role_of(auth: Auth, token: str) -> Role | None:
    """Return what bob is in acme, by his session."""
    caller = auth.verifier.known(b"", token.encode(), HOST)
    assert caller
    return caller.role("local", "acme")


async def test_a_role_holds_at_once_and_until_it_is_taken_back(auth: Auth, bus: Bus) -> None:
    """For a session that was there before; in the record, with who gave it."""
    roster, token = Roster(bus.log, auth.book), await sign_in(auth, BOB)
    assert await role_of(auth, token) is None

    seq = await roster.set(ACME, "github:bob", "member", asked=PLATFORM)
    assert await role_of(auth, token) == "member"
    event = await bus.log.get(seq)
    assert (event.fact, event.actor) == (TenantMemberSet("github:bob", "member"), "operator")
    assert await roster.set(ACME, "github:Bob", "member", asked=PLATFORM) == seq
    await roster.set(ACME, "github:bob", None, asked=PLATFORM)

    assert await role_of(auth, token) is None
    assert roster.of(ACME) == []


async def test_one_person_is_one_however_named(auth: Auth, bus: Bus) -> None:
    """Given by number, taken by login: nothing is left of it."""
    roster, token = Roster(bus.log, auth.book), await sign_in(auth, BOB)
    await roster.set(ACME, BOB.user, "owner", asked=PLATFORM)
    (member,) = roster.of(ACME)
    assert (member.who, member.role, member.login, member.by_hand) == (
        BOB.user,
        "owner",
        BOB.login,
        True,
    )

    await roster.set(ACME, "github:bob", None, asked=PLATFORM)

    assert await role_of(auth, token) is None


async def test_of_two_roles_the_higher_is_shown(auth: Auth, bus: Bus) -> None:
    """What the forge says, unless a hand gave more."""
    roster = Roster(bus.log, auth.book)
    person = BOB.__class__(BOB.user, BOB.login, (Membership("local", "acme", "member"),))
    await sign_in(auth, person)
    await roster.set(ACME, BOB.user, "viewer", asked=PLATFORM)
    assert [(one.role, one.by_hand) for one in roster.of(ACME)] == [("member", False)]

    await roster.set(ACME, BOB.user, "owner", asked=PLATFORM)

    assert [(one.role, one.by_hand) for one in roster.of(ACME)] == [("owner", True)]


async def test_many_hands_at_once_lose_nothing(auth: Auth, bus: Bus) -> None:
    """Each is guarded by the tenant's history, decides again, and is there in the end."""
    roster = Roster(bus.log, auth.book)
    names = [f"github:n{number}" for number in range(6)]

    await asyncio.gather(*(roster.set(ACME, one, "viewer", asked=PLATFORM) for one in names))

    assert [one.who for one in roster.of(ACME)] == names


async def test_nobody_takes_his_own_role_away(auth: Auth, bus: Bus) -> None:
    """A tenant is not left without an owner by a slip; an operator can."""
    roster = Roster(bus.log, auth.book)
    bob = Caller(kind="person", user=BOB.user, login=BOB.login)
    for who in (BOB.user, "github:BOB"):
        with pytest.raises(MemberSelf, match="own role"):
            await roster.set(ACME, who, "viewer", asked=bob)
    assert await bus.log.head() == 0


@pytest.mark.parametrize(
    "who", ["", "bob", "github:", "local:operator", "github:" + "x" * 300, "github:a\nb", "gh:bob"]
)
async def test_what_names_nobody_is_refused(auth: Auth, bus: Bus, who: str) -> None:
    """The error names the field and shows how to write it."""
    with pytest.raises(MemberInvalid, match="who: ") as caught:
        await Roster(bus.log, auth.book).set(ACME, who, "viewer", asked=PLATFORM)
    assert "github:LOGIN" in caught.value.hint


async def test_a_group_s_members_are_its_subgroups_members(auth: Auth, bus: Bus) -> None:
    """As at GitLab; of the roles that somebody has on the way the highest is told."""
    places = (Membership("gitlab", "acme", "owner"), Membership("gitlab", "acme/web", "viewer"))
    await sign_in(auth, msgspec.structs.replace(BOB, memberships=places))
    roster = Roster(bus.log, auth.book)

    assert [one.role for one in roster.of(Resource("gitlab", "acme/web"))] == ["owner"]
    assert roster.of(Resource("gitlab", "acmes")) == []
