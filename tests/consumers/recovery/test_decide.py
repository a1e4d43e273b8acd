"""What counts as news of a forge, by itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from consumers.recovery.decide import changes, deleted, lost, moves, turns, update
from consumers.recovery.forge import Account, Change, Head, Move, Named, Seen, Turn, Update, Wish
from consumers.recovery.known import Branch, Project, Pull, Tenant, followed
from schemas.ids import ZERO_SHA
from schemas.repository import Repository

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
LATER, BEFORE = SINCE + timedelta(hours=1), SINCE - timedelta(hours=1)
A, B, C = "a" * 40, "b" * 40, "c" * 40
HELLO = Repository("alice", "hello", "main", installation="7")


def known(**more: Any) -> Project:
    """Return a project of the log."""
    project = Project(forge="github", id="1", since=SINCE, repository=HELLO, installed=True, seq=5)
    return replace(project, **more)


def seen(heads: dict[str, Head] | None = None, pulls: dict[int, Wish] | None = None) -> Seen:
    """Return a project of the forge."""
    return Seen(HELLO, heads or {}, pulls or {})


def test_a_branch_that_moved_is_news() -> None:
    """Of three branches the one that is elsewhere is told, from where the log has it."""
    project = known(branches={"main": Branch(A, 10), "same": Branch(B, 11)})

    assert moves(project, seen({"main": Head(C), "same": Head(B)})) == (Move("main", A, C, 10),)


def test_a_branch_that_is_gone_is_news_once() -> None:
    """It is told while the log has it, and no more when the log knows that it went."""
    there, gone = Branch(A, 10), Branch("", 12)

    assert moves(known(branches={"old": there}), seen()) == (Move("old", A, ZERO_SHA, 10),)
    assert moves(known(branches={"old": gone}), seen()) == ()


def test_a_branch_that_was_made_again_is_news() -> None:
    """Its deletion is the newest that the log knows."""
    project = known(branches={"old": Branch("", 12)})

    assert moves(project, seen({"old": Head(A)})) == (Move("old", ZERO_SHA, A, 12),)


def test_what_was_there_before_us_is_no_news() -> None:
    """A branch that nobody moved since the project was installed is not deployed for it."""
    heads = {"old": Head(A, BEFORE), "new": Head(B, LATER), "unsaid": Head(C)}

    assert moves(known(), seen(heads)) == (Move("new", ZERO_SHA, B, 0),)


@given(st.dictionaries(st.sampled_from("abc"), st.sampled_from((A, B, C))))
def test_what_the_log_has_is_no_news(heads: dict[str, str]) -> None:
    """Where the forge has what the log says, nothing is missing, whatever it is."""
    branches = {name: Branch(sha, 10) for name, sha in heads.items()}

    found = moves(known(branches=branches), seen({name: Head(sha) for name, sha in heads.items()}))

    assert found == ()


def test_pull_requests_are_compared_too() -> None:
    """Opened, moved and closed ones are told, each once; closed ones that stay so are not."""
    project = known(
        pulls={
            1: Pull(A, seq=10),
            2: Pull(A, seq=11),
            3: Pull(A, closed=True, seq=12),
            4: Pull(A, closed=True, seq=13),
        }
    )
    wishes = {
        1: Wish(B),
        2: Wish(A, closed=True),
        3: Wish(A),
        4: Wish(A, closed=True),
        5: Wish(C, at=LATER),
        6: Wish(C, at=BEFORE),
    }

    assert turns(project, seen(pulls=wishes)) == (
        Turn(1, "moved", B, A, 10),
        Turn(2, "closed", A, A, 11),
        Turn(3, "opened", A, A, 12),
        Turn(5, "opened", C, "", 0),
    )


def account(*ids: str, silent: bool = False, suspended: bool = False) -> Account:
    """Return an account that has opened repositories to us."""
    listed = tuple(Named(id, HELLO) for id in ids)
    return Account("Alice", "7", suspended, None if silent else listed)


def test_an_installation_that_we_were_never_told_of() -> None:
    """It is told with all that it opens; after it was deleted, as a new one."""
    expected = (Change("Alice", "7", "created", ("1", "2"), 0),)

    assert changes({}, {}, account("1", "2")) == expected
    assert changes({"alice": Tenant("6", gone=True)}, {}, account("1", "2")) == expected


def test_repositories_that_were_opened_or_closed() -> None:
    """Each is told by itself, so that news of one does not outrun another."""
    tenants, projects = {"alice": Tenant("7")}, {"1": known(), "2": known(installed=False, seq=6)}

    assert changes(tenants, projects, account("2", "3")) == (
        Change("Alice", "7", "added", ("2",), 6),
        Change("Alice", "7", "added", ("3",), 0),
        Change("Alice", "7", "removed", ("1",), 5),
    )


def test_an_account_that_gives_no_answer_changes_nothing() -> None:
    """That its repositories are not listed closes none of them."""
    tenants, projects = {"alice": Tenant("7")}, {"1": known()}

    assert changes(tenants, projects, account(silent=True)) == ()
    assert changes({}, {}, account(silent=True)) == ()


def test_suspension_is_told_and_closes_nothing() -> None:
    """What a suspended account has opened cannot be seen; it is not closed for that."""
    tenants, projects = {"alice": Tenant("7", seq=9)}, {"1": known()}
    paused = account(silent=True, suspended=True)

    assert changes(tenants, projects, paused) == (Change("Alice", "7", "suspend", (), 9),)
    assert changes({"alice": Tenant("7", suspended=True, seq=9)}, projects, account("1")) == (
        Change("Alice", "7", "unsuspend", (), 9),
    )


def test_an_account_under_another_name_is_not_installed_again() -> None:
    """Names are labels: the installation is the same, and what it is called now is told."""
    tenants = {"alicia": Tenant("7", seq=9)}
    renamed = Change("Alice", "7", "renamed", seq=9, old="alicia")

    assert changes(tenants, {"1": known()}, account("1")) == (renamed,)
    told = followed({"alicia": Tenant("7", to="alice", seq=10)})
    assert changes(told, {"1": known()}, account("1")) == ()


def test_a_name_that_somebody_else_took_is_theirs() -> None:
    """Who was renamed keeps what it had, also through two names; the old name is a new account."""
    tenants = {
        "a": Tenant("7", to="b", seq=5),
        "b": Tenant(to="c", seq=6),
        "c": Tenant(suspended=True, seq=7),
        "d": Tenant("9", to="e", seq=8),
        "e": Tenant("10", seq=9),
    }

    assert followed(tenants) == {
        "c": Tenant("7", suspended=True, seq=7),
        "e": Tenant("10", seq=9),
    }


def test_a_project_that_is_called_otherwise() -> None:
    """A new name is told as such; who may see it, and that it is installed no more, as settings."""
    named, hidden = replace(HELLO, name="hi"), replace(HELLO, private=True)
    untagged = replace(seen(), installed=False)

    assert update(known(), seen()) is None
    assert update(known(), replace(seen(), repository=named)) == Update("renamed", 5)
    assert update(known(), replace(seen(), repository=hidden)) == Update("updated", 5)
    assert update(known(), untagged) == Update("updated", 5)
    assert update(known(installed=False), untagged) is None


def test_an_account_that_shut_us_out() -> None:
    """It is missing from a list that is whole; all that it had opened goes with it."""
    tenants = {"alice": Tenant("7", seq=9), "bob": Tenant("8"), "eve": Tenant("9", gone=True)}

    assert lost(tenants, (Account("bob", "8"),)) == ("alice",)
    assert deleted("alice", tenants, {"1": known()}) == Change("alice", "7", "deleted", ("1",), 9)
