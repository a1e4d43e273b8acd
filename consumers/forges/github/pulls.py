"""GitHub's pull requests in our words. Pure.

Names as in https://docs.github.com/webhooks/webhook-events-and-payloads#pull_request.
"""

from datetime import datetime
from typing import Final

import msgspec

from consumers.forges import meaning
from consumers.forges.github.payloads import Account, InstallationRef
from consumers.forges.github.payloads import Repository as Payload
from consumers.forges.meaning import Ignored, Meaning, Statement, Text
from schemas.envelope import Aggregate, Delivery
from schemas.events.pull import PullClosed, PullOpened, PullUpdated
from schemas.ids import Sha
from schemas.repository import Repository

OPENED: Final = frozenset(("opened", "reopened"))
MOVED: Final = frozenset(("synchronize", "edited"))


class HeadRepository(msgspec.Struct, frozen=True):
    """The repository that a pull request comes from."""

    id: int
    full_name: Text


class Head(msgspec.Struct, frozen=True):
    """The branch that is to be merged."""

    ref: Text
    sha: Sha
    repo: HeadRepository | None = None  # null once it was deleted


class Base(msgspec.Struct, frozen=True):
    """The branch that it is to be merged into."""

    ref: Text


class PullRequest(msgspec.Struct, frozen=True):
    """A pull request."""

    number: int
    head: Head
    base: Base
    user: Account | None = None  # null: a ghost
    merged: bool = False
    updated_at: datetime | None = None


class Changes(msgspec.Struct, frozen=True):
    """What an edit changed."""

    base: msgspec.Raw = msgspec.Raw()


class PullRequestChanged(msgspec.Struct, frozen=True):
    """Event ``pull_request``."""

    action: Text
    pull_request: PullRequest
    repository: Payload
    sender: Account | None = None
    before: str = ""  # of synchronize: the head that it had
    changes: Changes = Changes()
    installation: InstallationRef | None = None


def translate(kind: str, delivery: Delivery, forge: str) -> Meaning:
    """Return what the delivery means; raises PayloadInvalid, which names the field."""
    change = meaning.decode(delivery, PullRequestChanged)
    actor = change.sender.login if change.sender else ""
    fact = _fact(change)
    if fact is None:
        return Meaning(kind, Ignored(f"{change.action}: nothing is to be built for it"), actor)
    of = Aggregate(forge, str(change.repository.id), "pull", str(change.pull_request.number))
    name = f"{change.repository.owner.login}/{change.repository.name}"
    return Meaning(kind, (Statement(of, fact, name=name),), actor)


def _fact(change: PullRequestChanged) -> PullOpened | PullUpdated | PullClosed | None:
    pull, action = change.pull_request, change.action
    if action == "closed":
        return PullClosed(pull.number, pull.head.sha, pull.merged, pull.updated_at)
    if action == "edited" and not bytes(change.changes.base):
        return None  # its title or text
    if action not in OPENED | MOVED:
        return None
    head = pull.head.repo
    common = {
        "number": pull.number,
        "branch": pull.head.ref,
        "sha": pull.head.sha,
        "base": pull.base.ref,
        "repository": _repository(change),
        "author": pull.user.login if pull.user else "",
        "fork": head is None or head.id != change.repository.id,
        "head": head.full_name if head else "",
        "updated": pull.updated_at,
    }
    if action in OPENED:
        return PullOpened(**common)  # type: ignore[arg-type] # each as its field
    return PullUpdated(**common, before=change.before)  # type: ignore[arg-type] # the same


def _repository(change: PullRequestChanged) -> Repository:
    return Repository(
        owner=change.repository.owner.login,
        name=change.repository.name,
        default_branch=change.repository.default_branch,
        clone_url=change.repository.clone_url,
        private=change.repository.private,
        installation=str(change.installation.id) if change.installation else "",
    )
