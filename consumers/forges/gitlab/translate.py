"""GitLab's deliveries in our words. Pure."""

from typing import Final

from consumers.forges import meaning
from consumers.forges.gitlab import pulls
from consumers.forges.gitlab.payloads import (
    PUBLIC,
    GroupRenamed,
    ProjectEvent,
    Push,
    SystemEvent,
    UserRenamed,
    names,
)
from consumers.forges.meaning import Ignored, Meaning, Statement
from schemas.envelope import Aggregate, Delivery, tenant
from schemas.events import Event
from schemas.events.project import ProjectRemoved, ProjectRenamed, ProjectUpdated
from schemas.events.tenant import TenantRenamed
from schemas.repository import Repository

FORGE: Final = "gitlab"
EVENT: Final = "x-gitlab-event"


def translate(delivery: Delivery) -> Meaning:
    """Return what the delivery means; raises PayloadInvalid, which names the field."""
    match kind := delivery.headers.get(EVENT, ""):
        case "Push Hook":
            return _push(kind, meaning.decode(delivery, Push))
        case "Merge Request Hook":
            return pulls.translate(kind, delivery, FORGE)
        case "System Hook" | "Project Hook":  # the latter comes of a group's webhook
            return _system(delivery)
        case "Tag Push Hook":
            return Meaning(kind, Ignored("a tag; only branches are deployed"))
        case _:
            return Meaning(kind, Ignored("this kind of event changes nothing here"))


def _system(delivery: Delivery) -> Meaning:
    event = meaning.decode(delivery, SystemEvent)
    match kind := event.event_name or event.object_kind:
        case "push":
            return _push(kind, meaning.decode(delivery, Push))
        case "merge_request":
            return pulls.translate(kind, delivery, FORGE)
        case (
            "project_create"
            | "project_update"
            | "project_rename"
            | "project_transfer"
            | "project_destroy"
        ):
            return _project(kind, meaning.decode(delivery, ProjectEvent))
        case "group_rename":
            group = meaning.decode(delivery, GroupRenamed)
            return _renamed(kind, group.old_full_path, group.full_path)
        case "user_rename":
            user = meaning.decode(delivery, UserRenamed)
            return _renamed(kind, user.old_username, user.username)
        case _:
            return Meaning(kind, Ignored("this kind of event changes nothing here"))


def _renamed(kind: str, old: str, new: str) -> Meaning:
    if old.lower() == new.lower():
        return Meaning(kind, Ignored("only letters' case changes, which tells nobody apart"))
    return Meaning(kind, (Statement(tenant(FORGE, old), TenantRenamed(new), name=old),))


def _push(kind: str, push: Push) -> Meaning:
    owner, name = names(push.project.path_with_namespace)
    repository = Repository(
        owner=owner,
        name=name,
        default_branch=push.project.default_branch or _first(push),
        clone_url=push.project.git_http_url,
        private=push.project.visibility_level != PUBLIC,
    )
    actor = push.user_username or ""
    says = meaning.push(
        FORGE,
        str(push.project_id),
        ref=push.ref,
        before=push.before,
        after=push.after,
        repository=repository,
        pusher=actor,
    )
    return Meaning(kind, says, actor)


def _project(kind: str, event: ProjectEvent) -> Meaning:
    owner, name = names(event.path_with_namespace)
    fact: Event
    match kind:
        case "project_destroy":
            fact = ProjectRemoved("the project was destroyed at the forge")
        case "project_create" | "project_update":  # which tags it has, the API tells
            fact = ProjectUpdated(owner, name, private=event.project_visibility != "public")
        case _:
            fact = ProjectRenamed(owner, name)
    of = Aggregate(FORGE, str(event.project_id), "project", "")
    return Meaning(kind, (Statement(of, fact, name=event.path_with_namespace),))


def _first(push: Push) -> str:
    """Return the branch that an empty repository's first push makes its default."""
    return push.ref.removeprefix(meaning.HEADS) if meaning.is_zero(push.before) else ""
