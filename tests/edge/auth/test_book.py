"""The book: what each fold makes of facts, whatever their order, on plain values."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from edge.auth import sessions
from edge.auth.book import Book
from edge.auth.labels import Tenant
from edge.auth.members import Granted, together
from edge.auth.sessions import Known
from schemas.envelope import Aggregate, Recorded
from schemas.events.key import KeyPublished
from schemas.events.session import SessionSignedIn
from schemas.people import RANKS, Membership, Role, means, named, names
from tests.edge.auth.told import ALICE, BOB, HOUR, Told

START = datetime(2026, 1, 1, tzinfo=UTC)
COORDINATE = "a" * 43


def book() -> Told:
    """Return a book that is told facts."""
    return Told(Book.make(None))


def test_sessions_that_have_ended_go_as_facts_pass() -> None:
    """A person's row does not grow with each sign-in; what is alive stays."""
    told = book()
    first = told.signed_in(ALICE, lasts=HOUR)
    told.now += HOUR / 2
    second = told.signed_in(ALICE, lasts=HOUR)
    assert set(told.book.people.rows[ALICE].open) == {first, second}
    told.now += HOUR / 2 + timedelta(seconds=1)
    third = told.signed_in(ALICE, lasts=HOUR)

    assert set(told.book.people.rows[ALICE].open) == {second, third}
    told.signed_out(second)
    assert set(told.book.people.rows[ALICE].open) == {third}


def test_a_person_has_a_bounded_number_of_sessions() -> None:
    """A script that signs in all day fills nobody's memory: the oldest make room."""
    row: Known | None = None
    for number in range(3 * sessions.MOST):
        fact = SessionSignedIn("github:1", "github:a", "github", START + HOUR)
        of = Aggregate("", "", "session", f"{number}")
        row = sessions.reduce(row, Recorded(fact, of, "x", number + 1, START))

    assert row is not None
    assert len(row.open) == sessions.MOST
    assert list(row.open)[-1] == f"{3 * sessions.MOST - 1}"


def test_signing_out_who_never_signed_in_is_nothing() -> None:
    """And everywhere ends all sessions, while what is known of the person stays for his tokens."""
    told = book()
    told.signed_out("s", BOB, everywhere=True)
    assert BOB not in told.book.people.rows
    told.signed_in(ALICE, ("alice", "owner"))
    told.signed_out("s", ALICE, everywhere=True)

    assert told.book.people.rows[ALICE].open == {}
    assert told.book.memberships(ALICE) == (Membership("github", "alice", "owner"),)


def test_a_retired_key_stays_retired() -> None:
    """Published once more, under another's name or its own: the first word and the last hold."""
    told = book()
    told.retired(told.key)
    told.fact(KeyPublished(COORDINATE, COORDINATE), Aggregate("", "", "key", told.key.kid))
    row = told.book.keys.rows[told.key.kid]

    assert row.retired is not None
    assert (row.x, row.y) == (told.key.public().x, told.key.public().y)


def test_a_label_is_the_first_ones_for_ever() -> None:
    """Whoever else is said to have it later gets nothing by it."""
    told = book()
    told.labelled("Shop", "acme")
    told.labelled("shop", "mallory")

    assert told.book.tenant_of("SHOP") == Tenant("github", "acme")
    assert told.book.label_of("github", "Acme") == "shop"
    assert told.book.label_of("github", "mallory") == ""
    assert told.book.tenant_of("other") is None


def test_a_revoked_token_is_gone_whatever_comes_after() -> None:
    """Its use that was recorded late does not bring it back."""
    told = book()
    text = told.issued("read")
    told.revoked(text)
    told.revoked(text)

    assert told.book.tokens.rows == {}


ROLES = st.sampled_from(["viewer", "member", "owner"])
OWNERS = st.sampled_from(["a", "b", "c"])


@given(st.dictionaries(OWNERS, ROLES), st.lists(st.dictionaries(OWNERS, ROLES), max_size=3))
def test_of_each_tenant_the_highest_role_counts(
    told: dict[str, Role], given_: list[dict[str, Role]]
) -> None:
    """Of the forge's and each that a hand gave; one membership a tenant."""
    forge = tuple(Membership("github", owner, role) for owner, role in told.items())
    hands = [Granted({f"github {owner}": role for owner, role in row.items()}) for row in given_]
    found = {one.owner: one.role for one in together(forge, hands)}

    expected = {
        owner: max((row[owner] for row in (told, *given_) if owner in row), key=RANKS.__getitem__)
        for owner in {*told, *(owner for row in given_ for owner in row)}
    }
    assert found == expected


@given(st.text(st.characters(codec="ascii", exclude_characters=":"), min_size=1))
def test_nobody_is_meant_by_another_ones_name(name: str) -> None:
    """A login that is digits is no id, and an OIDC login names nobody: people choose it there."""
    assert means(f"github:{name}", user="github:77", login=f"github:{name}") is (
        not name.isdigit() or name == "77"
    )
    assert means("oidc:7", user="oidc:7", login=f"oidc:{name}")
    assert means(f"oidc:{name}", user="oidc:7", login=f"oidc:{name}") is (name == "7")
    assert named(f"oidc:{name}") == f"oidc:{name}"
    assert f"github:{name.lower()}" in names("x:1", f"github:{name}") or name.isdigit()
