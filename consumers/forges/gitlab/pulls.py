"""GitLab's merge requests in our words. Pure.

Names as in https://docs.gitlab.com/user/project/integrations/webhook_events#merge-request-events.
"""

from datetime import UTC, datetime
from typing import Final

import msgspec

from consumers.forges import meaning
from consumers.forges.gitlab.payloads import PUBLIC, Project, names
from consumers.forges.meaning import Ignored, Meaning, Statement, Text
from schemas.envelope import Aggregate, Delivery
from schemas.events.pull import PullClosed, PullOpened, PullUpdated
from schemas.ids import Sha
from schemas.repository import Repository

OPENED: Final = frozenset(("open", "reopen"))
CLOSED: Final = frozenset(("close", "merge"))


class User(msgspec.Struct, frozen=True):
    """Who did it."""

    username: str = ""


class Commit(msgspec.Struct, frozen=True):
    """The head of the branch."""

    id: Sha


class Place(msgspec.Struct, frozen=True):
    """The project that a merge request comes from."""

    path_with_namespace: str = ""


class Attributes(msgspec.Struct, frozen=True):
    """A merge request."""

    iid: int
    source_branch: Text
    target_branch: Text
    source_project_id: int | None  # null once it was deleted
    last_commit: Commit
    action: str = ""
    oldrev: str = ""  # of an update that moved the branch: the head that it had
    source: Place | None = None
    updated_at: str = ""


class NumberedProject(Project, frozen=True):
    """The project that it is to be merged into."""

    id: int = 0


class MergeRequestChanged(msgspec.Struct, frozen=True):
    """``Merge Request Hook``, and ``System Hook`` of the kind ``merge_request``."""

    project: NumberedProject
    object_attributes: Attributes
    user: User = User()


def translate(kind: str, delivery: Delivery, forge: str) -> Meaning:
    """Return what the delivery means; raises PayloadInvalid, which names the field."""
    change = meaning.decode(delivery, MergeRequestChanged)
    actor, asked = change.user.username, change.object_attributes
    fact = _fact(change)
    if fact is None:
        reason = f"{asked.action or 'no action'}: nothing is to be built for it"
        return Meaning(kind, Ignored(reason), actor)
    of = Aggregate(forge, str(change.project.id), "pull", str(asked.iid))
    return Meaning(kind, (Statement(of, fact, name=change.project.path_with_namespace),), actor)


def _fact(change: MergeRequestChanged) -> PullOpened | PullUpdated | PullClosed | None:
    asked = change.object_attributes
    sha, updated = asked.last_commit.id, _time(asked.updated_at)
    if asked.action in CLOSED:
        return PullClosed(asked.iid, sha, asked.action == "merge", updated)
    moved = asked.action == "update" and bool(asked.oldrev)
    if asked.action not in OPENED and not moved:
        return None
    common = {
        "number": asked.iid,
        "branch": asked.source_branch,
        "sha": sha,
        "base": asked.target_branch,
        "repository": _repository(change.project),
        "author": change.user.username,
        "fork": asked.source_project_id != change.project.id,
        "head": asked.source.path_with_namespace if asked.source else "",
        "updated": updated,
    }
    if moved:
        return PullUpdated(**common, before=asked.oldrev)  # type: ignore[arg-type] # each as its field
    return PullOpened(**common)  # type: ignore[arg-type] # the same


def _repository(project: Project) -> Repository:
    owner, name = names(project.path_with_namespace)
    return Repository(
        owner=owner,
        name=name,
        default_branch=project.default_branch or "",
        clone_url=project.git_http_url,
        private=project.visibility_level != PUBLIC,
    )


def _time(text: str) -> datetime | None:
    """Return when it was so, None for what nobody can read: then the forge is asked.

    Older instances write ``2026-01-31 12:00:05 UTC``.
    """
    try:
        time = datetime.fromisoformat(text.replace(" UTC", "+00:00"))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
