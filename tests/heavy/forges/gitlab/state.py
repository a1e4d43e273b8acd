"""What a GitLab knows: users, groups, projects, merge requests, hooks and tokens."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LEVELS = {"private": 0, "internal": 10, "public": 20}
GUEST, REPORTER, DEVELOPER, MAINTAINER, OWNER = 10, 20, 30, 40, 50


@dataclass
class User:
    """An account; its id stays, whatever it is called."""

    id: int
    username: str
    name: str = "A Person"
    admin: bool = False
    state: str = "active"


@dataclass
class Token:
    """A personal access token."""

    user: User
    scopes: frozenset[str]
    until: float | None = None  # GitLab's clock
    name: str = "pushline"


@dataclass
class Group:
    """A namespace; subgroups inherit its members."""

    id: int
    path: str  # with its parents'
    members: dict[int, int] = field(default_factory=dict)  # levels by user


@dataclass
class Project:
    """A project; its id stays, whatever it is called."""

    id: int
    path: str  # with its namespace's
    folder: Path  # a bare repository
    visibility: str = "private"
    topics: list[str] = field(default_factory=list)
    default_branch: str | None = None  # none in an empty repository
    branches: dict[str, str] = field(default_factory=dict)
    members: dict[int, int] = field(default_factory=dict)
    forked_from: int | None = None
    archived: bool = False
    merges: dict[int, "MergeRequest"] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        """Return the group's full path, or a user's name."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """Return its own segment."""
        return self.path.rpartition("/")[2]


@dataclass
class MergeRequest:
    """A wish that a branch is merged; ``iid`` counts within its project."""

    id: int
    iid: int
    source_project: int
    source_branch: str
    target_project: int
    target_branch: str
    author: User
    sha: str
    title: str = "A change"
    state: str = "opened"  # closed merged
    merged_as: str | None = None
    updated: float = 0.0


@dataclass
class Moved:
    """A branch was elsewhere from then on; an empty sha is no commit."""

    id: int
    project: int
    branch: str
    before: str
    after: str
    by: User
    at: float


@dataclass
class Hook:
    """A webhook of a project, a group, or of all (a system hook)."""

    id: int
    url: str
    token: str = ""
    signing: str = ""  # whsec_…
    project: int | None = None
    group: str | None = None
    events: frozenset[str] = frozenset(("push", "tag_push", "merge_request"))
    failures: int = 0  # in a row
    disabled_until: float = 0.0
    created: float = 0.0


class State:
    """All of it. One thread does things at a time; ``clock`` is GitLab's own."""

    def __init__(self, root: Path, seed: int = 0, clock: Callable[[], float] = time.time) -> None:
        self.root = root
        self.seed = seed
        self.random = random.Random(seed)
        self.clock = clock
        self.url = ""
        self.version = "18.5.0"
        self.users: dict[int, User] = {}
        self.tokens: dict[str, Token] = {}
        self.groups: dict[int, Group] = {}
        self.projects: dict[int, Project] = {}
        self.hooks: dict[int, Hook] = {}
        self.moves: list[Moved] = []  # of branches, as events have them
        self.complaints: list[str] = []  # about requests against the documentation
        self._counted = 0

    def complain(self, what: str) -> None:
        """Note what no careful client does."""
        self.complaints.append(f"GitLab: {what}")

    def next(self) -> int:
        """Return an id that nothing has."""
        self._counted += 1
        return self._counted

    def find(self, id: str) -> Project | None:
        """Return a project by its id or its full path."""
        if id.isdigit():
            return self.projects.get(int(id))
        named = (each for each in self.projects.values() if each.path.lower() == id.lower())
        return next(named, None)

    def level(self, user: User, project: Project) -> int:
        """Return what a user may there: own, inherited from any group above, or 0."""
        if user.admin:
            return OWNER
        above = [g for g in self.groups.values() if project.path.startswith(f"{g.path}/")]
        levels = [g.members.get(user.id, 0) for g in above]
        own = OWNER if project.namespace == user.username else 0
        return max([own, project.members.get(user.id, 0), *levels])

    def shown(self, project: Project) -> dict[str, Any]:
        """Return a project as the API shows it."""
        return {
            "id": project.id,
            "name": project.name,
            "path": project.name,
            "path_with_namespace": project.path,
            "description": None,
            "default_branch": project.default_branch,
            "visibility": project.visibility,
            "topics": list(project.topics),
            "tag_list": list(project.topics),
            "archived": project.archived,
            "empty_repo": not project.branches,
            "http_url_to_repo": f"{self.url}/{project.path}.git",
            "ssh_url_to_repo": f"git@gitlab.example.com:{project.path}.git",
            "web_url": f"{self.url}/{project.path}",
            "namespace": {"id": 1, "kind": "group", "full_path": project.namespace},
            **({"forked_from_project": {"id": project.forked_from}} if project.forked_from else {}),
        }
