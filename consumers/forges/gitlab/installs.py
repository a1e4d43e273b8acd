"""Which projects of a GitLab are ours: those that have the installation tag among their topics.

https://docs.gitlab.com/api/projects/#get-a-single-project
"""

from typing import Any, Final, Literal, TypeAlias
from urllib.parse import quote

import msgspec
import structlog

from consumers.forges.asking import Answer, ForgeRefused, ForgeUnavailable
from consumers.forges.gitlab.api import Api
from consumers.forges.gitlab.payloads import names
from consumers.forges.installs import Shown

log = structlog.get_logger(__name__)

Stands: TypeAlias = Literal["yes", "no", "unknown"]
NO_GROUP: Final = "404 Group Not Found"
GONE: Final = "404 Project Not Found"  # of a route that is not there GitLab says something else


class Project(msgspec.Struct, frozen=True):
    """A project as the API shows it; the topics of older instances are called tags."""

    path_with_namespace: str
    visibility: str = "private"
    topics: tuple[str, ...] = ()
    tag_list: tuple[str, ...] = ()


class Person(msgspec.Struct, frozen=True):
    """Somebody with an account."""

    username: str


class GitLabInstalls:
    """Asks by the project's id, which it keeps whatever it is called; safe to share."""

    def __init__(self, api: Api, tag: str = "") -> None:
        """Take as installed what has ``tag``, in upper or lower case; without one, each project."""
        self.wanted = (
            f'To install it add the topic "{tag}" to the project (Settings, General, Topics)'
        )
        self._api = api
        self._tag = tag.casefold()
        self._silent = False  # told of in the log already

    async def shown(self, project: str) -> Shown | None:
        """Return a project, None where GitLab has none for us; raises ForgeUnavailable."""
        try:
            answer = await self._api.request("GET", f"/projects/{int(project)}")
            found = _shown(answer)
        except (ForgeUnavailable, ForgeRefused) as error:
            raise self._nothing(error) from error
        self._silent = False
        if found is None:
            return None
        owner, name = names(found.path_with_namespace)
        return Shown(owner, name, found.visibility != "public", self.tagged(found))

    async def named(self, owner: str) -> bool:
        """Tell whether there is a group or a person of this name; raises ForgeUnavailable."""
        try:
            at = f"/groups/{quote(owner, safe='')}"
            group = await self._api.request("GET", at, query={"with_projects": "false"})
            if _there(group, NO_GROUP):
                return True
            query = {"username": owner}
            people = await self._api.request("GET", "/users", query=query)
            if people.status != 200:
                raise _nothing_said(people)
            return any(one.username.lower() == owner.lower() for one in people.read(list[Person]))
        except (ForgeUnavailable, ForgeRefused) as error:
            raise self._nothing(error) from error

    def tagged(self, project: Project) -> bool:
        """Tell whether a project has the tag."""
        topics = (*project.topics, *project.tag_list)
        return not self._tag or any(topic.casefold() == self._tag for topic in topics)

    async def stands(self, forge: str, project: str, name: str) -> Stands:  # noqa: ARG002 - the
        # collector's port asks of all forges alike
        """Tell the collector whether a project is open to us still."""
        try:
            found = await self.shown(project)
        except ForgeUnavailable:
            return "unknown"
        return "yes" if found is not None and found.installed else "no"

    def _nothing(self, error: ForgeUnavailable | ForgeRefused) -> ForgeUnavailable:
        """Return that nothing is known: that we are refused says nothing of a project either."""
        if not self._silent:
            self._silent = True
            log.warning("gitlab_unknown", reason=error.message, hint=error.hint)
        if isinstance(error, ForgeUnavailable):
            return error
        return ForgeUnavailable(error.message, hint=error.hint)


def _shown(answer: Answer) -> Project | None:
    """Return what an answer shows; ForgeUnavailable where it is no evidence of anything."""
    return answer.read(Project) if _there(answer, GONE) else None


def _there(answer: Answer, gone: str) -> bool:
    """Tell whether it is there: by GitLab's own 200, or its own 404 with these words."""
    said: Any = answer.body
    if answer.status == 404 and isinstance(said, dict) and said.get("message") == gone:
        return False
    if answer.status == 200:
        return True
    raise _nothing_said(answer)


def _nothing_said(answer: Answer) -> ForgeUnavailable:
    return ForgeUnavailable(
        f"GitLab answers {answer.status}, which says nothing of what was asked",
        hint="compare PUSHLINE_GITLAB_URL with the address in a browser",
    )
