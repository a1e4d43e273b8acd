"""GitLab's payloads: only the fields that are used; whatever else is there is passed over.

Names and optional fields as in https://docs.gitlab.com/user/project/integrations/webhook_events
and https://docs.gitlab.com/administration/system_hooks.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from consumers.forges.meaning import CloneUrl, Text
from schemas.ids import Sha

PUBLIC: Final = 20  # of the levels of visibility: 0 private, 10 internal
# group[/subgroup]/name
Path = Annotated[str, Meta(pattern=r"^[^/\s]+(/[^/\s]+)+$(?!\n)", max_length=1024)]


class Project(msgspec.Struct, frozen=True):
    """A project as a push shows it."""

    path_with_namespace: Path
    git_http_url: CloneUrl
    default_branch: str | None = None  # null in an empty repository
    visibility_level: int = 0  # 0 private, 10 internal, 20 public


class Push(msgspec.Struct, frozen=True):
    """``Push Hook``, and ``System Hook`` with the event name ``push``."""

    ref: Text
    before: Sha
    after: Sha
    project_id: int
    project: Project
    user_username: str | None = None  # older system hooks tell the display name alone


class SystemEvent(msgspec.Struct, frozen=True):
    """What every system hook has; newer kinds have ``object_kind`` in its place."""

    event_name: str = ""
    object_kind: str = ""


class ProjectEvent(msgspec.Struct, frozen=True):
    """``System Hook`` about a project."""

    project_id: int
    path_with_namespace: Path
    project_visibility: str = "private"


class GroupRenamed(msgspec.Struct, frozen=True):
    """``System Hook`` about a group; nothing is told of what lies in it."""

    full_path: Text
    old_full_path: Text


class UserRenamed(msgspec.Struct, frozen=True):
    """``System Hook`` about a person; nothing is told of the projects below the name."""

    username: Text
    old_username: Text


def names(path: str) -> tuple[str, str]:
    """Return the tenant, which is the whole namespace, however deep, and the last segment."""
    owner, _, name = path.rpartition("/")
    return owner, name
