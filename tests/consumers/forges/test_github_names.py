"""What GitHub tells of repositories and accounts: names, and ends."""

from typing import Any

import pytest

from consumers.forges.github.translate import translate
from consumers.forges.meaning import Ignored, Statement
from schemas.envelope import Aggregate
from schemas.errors import PayloadInvalid
from schemas.events import Event
from schemas.events.project import ProjectRemoved, ProjectRenamed, ProjectUpdated
from schemas.events.tenant import TenantRenamed
from tests.consumers.forges.samples import account, delivery, github_repository

HELLO = Aggregate("github", "1296269", "project", "")


def changed(action: str) -> dict[str, Any]:
    """Return GitHub's event ``repository``."""
    return {"action": action, "repository": github_repository(), "sender": account("ada")}


def renamed(whose: str, old: str, new: str) -> dict[str, Any]:
    """Return GitHub's events about an account's new name."""
    changes = {"login": {"from": old}}
    return {"action": "renamed", "changes": changes, whose: account(new), "sender": account("ada")}


@pytest.mark.parametrize(
    ("action", "fact"),
    [
        ("renamed", ProjectRenamed("Octo", "Hello-World")),
        ("transferred", ProjectRenamed("Octo", "Hello-World")),
        ("deleted", ProjectRemoved("the repository was deleted at the forge")),
        ("privatized", ProjectUpdated("Octo", "Hello-World", private=True)),
        ("publicized", ProjectUpdated("Octo", "Hello-World", private=True)),
        ("archived", ProjectUpdated("Octo", "Hello-World", private=True)),
    ],
)
def test_a_repository_has_changed(action: str, fact: Event) -> None:
    """The project is the immutable id, whatever it is called; the fact says how it is now."""
    meaning = translate(delivery("github", "repository", changed(action)))

    assert meaning.says == (Statement(HELLO, fact, (), "Octo/Hello-World"),)
    assert meaning.actor == "ada"


def test_a_repository_is_made() -> None:
    """Its installation tells of it, if it is open to us at all."""
    says = translate(delivery("github", "repository", changed("created"))).says

    assert says == Ignored("created: nothing changes here")


@pytest.mark.parametrize(
    ("kind", "whose"), [("installation_target", "account"), ("organization", "organization")]
)
def test_an_account_is_renamed(kind: str, whose: str) -> None:
    """The fact stands with the old name, which is free from now on, and says the new one."""
    says = translate(delivery("github", kind, renamed(whose, "Octo", "Octopus"))).says

    old = Aggregate("github", "", "tenant", "octo")
    assert says == (Statement(old, TenantRenamed("Octopus"), (), "Octo"),)


def test_an_account_is_renamed_in_its_case_only() -> None:
    """No forge tells logins apart by it, so nobody has left a name."""
    sent = delivery("github", "installation_target", renamed("account", "octo", "Octo"))

    assert isinstance(translate(sent).says, Ignored)


@pytest.mark.parametrize("kind", ["installation_target", "organization"])
def test_what_else_befalls_an_account(kind: str) -> None:
    """A member that was added changes nothing, and is not decoded further."""
    assert translate(delivery("github", kind, {"action": "member_added"})).says == Ignored(
        "member_added: nothing changes here"
    )


def test_a_renaming_of_nobody() -> None:
    """What names no account is an error that says so."""
    with pytest.raises(PayloadInvalid, match="no account"):
        translate(delivery("github", "organization", renamed("somebody", "octo", "other")))
