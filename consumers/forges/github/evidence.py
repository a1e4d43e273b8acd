"""What GitHub says of whether a repository is open to us: its own 200 and 404, and no other word.

https://docs.github.com/rest/apps/apps#get-a-repository-installation-for-the-authenticated-app

A name proves little: the repository may be called otherwise by now, and another one as it was.
GitHub answers 404 to an App that it does not know, too. So a repository is gone when neither its
name nor its id leads to it, and GitHub knows the App that asks.
"""

from typing import Any, Final, Literal, TypeAlias
from urllib.parse import quote

import msgspec
import structlog

from consumers.forges.asking import Answer, ForgeRefused, ForgeUnavailable
from consumers.forges.github.api import Api

log = structlog.get_logger(__name__)

Stands: TypeAlias = Literal["yes", "no", "unknown"]
GONE: Final = "Not Found"  # of an App that it does not know, GitHub says something else


class _Installation(msgspec.Struct):
    id: int
    suspended_at: str | None = None


class _Repository(msgspec.Struct):
    id: int


class GitHubEvidence:
    """Asks as the App; safe to share between tasks."""

    def __init__(self, api: Api) -> None:
        """Ask by ``api``."""
        self._api = api

    async def stands(self, forge: str, project: str, name: str) -> Stands:  # noqa: ARG002 - the
        # collector's port asks of all forges alike
        """Tell the collector whether a repository is open to us still."""
        owner, _, repository = name.partition("/")
        named = f"/repos/{quote(owner, safe='')}/{quote(repository, safe='')}"
        try:
            if await self._is(named, int(project)) or await self._installed(project):
                return "yes"
            return "no" if (await self._api.request("GET", "/app")).status == 200 else "unknown"
        except (ForgeUnavailable, ForgeRefused) as error:
            log.warning("github_unknown", project=name, reason=error.message, hint=error.hint)
            return "unknown"

    async def _is(self, path: str, project: int) -> bool:
        """Tell whether a name leads to the project, and an installation has it."""
        found = _found(await self._api.request("GET", f"{path}/installation"))
        if found is None:
            return False
        installation = found.read(_Installation)
        if installation.suspended_at is not None:
            return True  # nobody can be asked whose the name is, and nothing is to go meanwhile
        shown = _found(await self._api.request("GET", path, installation=str(installation.id)))
        return shown is not None and shown.read(_Repository).id == project

    async def _installed(self, project: str) -> bool:
        """Tell whether an installation has it under another name, where redirects lead as well."""
        path = f"/repositories/{project}/installation"
        return _found(await self._api.request("GET", path)) is not None


def _found(answer: Answer) -> Answer | None:
    """Return a 200, None for a 404; ForgeUnavailable where it is no evidence of anything."""
    if answer.status == 200:
        return answer
    said: Any = answer.body
    if answer.status == 404 and isinstance(said, dict) and said.get("message") == GONE:
        return None
    raise ForgeUnavailable(f"GitHub answers {answer.status} of a repository, which says nothing")
