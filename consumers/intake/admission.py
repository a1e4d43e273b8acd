"""Admission: whose deliveries are taken, by the list of customers. Our own forge asks by itself."""

from datetime import timedelta
from typing import ClassVar, Final, NamedTuple

from consumers.forges.meaning import Ignored, Meaning, Push, Statement
from schemas.errors import Retry
from schemas.events.project import ProjectInstalled
from schemas.events.pull import PullOpened, PullUpdated
from schemas.events.tenant import TenantInstalled

ASKED: Final = ("github", "gitlab")


class CustomersUnread(Retry):
    """The list of customers was never read: nobody knows whom to let in."""

    code = "customers_unread"
    patience: ClassVar = timedelta(days=1)


class Account(NamedTuple):
    """An account of a forge."""

    forge: str
    owner: str


def account_of(meaning: Meaning) -> Account | None:
    """Return whose leave a delivery needs; None where it lets nothing in: removals always count."""
    match meaning.says:
        case Push(of=of, repository=repository):
            account = Account(of.forge, repository.owner)
        case (first, *_) as statements:
            owners = [owner for said in (*statements, *meaning.also) if (owner := _let_in(said))]
            if not owners:
                return None
            account = Account(first.of.forge, owners[0])
        case _:
            return None
    return account if account.forge in ASKED else None


def _let_in(said: Statement) -> str:
    """Return whom a statement lets in, "" for nobody."""
    match said.fact:
        case ProjectInstalled(owner=owner):
            return owner
        case TenantInstalled():
            return said.of.id
        case PullOpened(repository=repository) | PullUpdated(repository=repository):
            return repository.owner
        case _:
            return ""


def refused(meaning: Meaning, account: Account) -> Meaning:
    """Return what a delivery means whose account is not on the list; the predecessor's words."""
    reason = (
        f'Customer: "{account.owner}" not found in customers ACL (whoever runs Pushline adds it to '
        "PUSHLINE_CUSTOMERS; `pushline events resend` then takes this delivery again)"
    )
    return Meaning(meaning.kind, Ignored(reason), meaning.actor)
