"""What GitHub tells of repositories and accounts as such: their names, their ends. Pure.

Names as in https://docs.github.com/webhooks/webhook-events-and-payloads#repository and
#installation_target.
"""

from typing import Final

from consumers.forges import meaning
from consumers.forges.github.payloads import AccountRenamed, Action, RepositoryChanged
from consumers.forges.meaning import Ignored, Meaning, Statement
from schemas.envelope import Aggregate, Delivery, tenant
from schemas.errors import PayloadInvalid
from schemas.events import Event
from schemas.events.project import ProjectRemoved, ProjectRenamed, ProjectUpdated
from schemas.events.tenant import TenantRenamed

UPDATED: Final = frozenset({"archived", "unarchived", "edited", "privatized", "publicized"})


def of_repository(kind: str, delivery: Delivery, forge: str) -> Meaning:
    """Return what the event ``repository`` means; raises PayloadInvalid."""
    change = meaning.decode(delivery, RepositoryChanged)
    it, actor = change.repository, change.sender.login if change.sender else ""
    owner, name = it.owner.login, it.name
    fact: Event
    match change.action:
        case "renamed" | "transferred":
            fact = ProjectRenamed(owner, name)
        case "deleted":
            fact = ProjectRemoved("the repository was deleted at the forge")
        case action if action in UPDATED:
            fact = ProjectUpdated(owner, name, private=it.private)
        case action:  # one that is made is told of by its installation
            return Meaning(kind, Ignored(f"{action}: nothing changes here"), actor)
    of = Aggregate(forge, str(it.id), "project", "")
    return Meaning(kind, (Statement(of, fact, name=it.full_name),), actor)


def of_account(kind: str, delivery: Delivery, forge: str) -> Meaning:
    """Return what ``installation_target`` and ``organization`` mean; raises PayloadInvalid."""
    action = meaning.decode(delivery, Action).action
    if action != "renamed":
        return Meaning(kind, Ignored(f"{action}: nothing changes here"))
    change = meaning.decode(delivery, AccountRenamed)
    account, old = change.account or change.organization, change.changes.login.from_
    if account is None:
        raise PayloadInvalid("the body names no account that was renamed")
    actor = change.sender.login if change.sender else ""
    if account.login.lower() == old.lower():
        return Meaning(kind, Ignored("only letters' case changes, which tells nobody apart"), actor)
    says = Statement(tenant(forge, old), TenantRenamed(account.login), name=old)
    return Meaning(kind, (says,), actor)
