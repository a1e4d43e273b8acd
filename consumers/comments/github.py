"""Comments of pull requests at GitHub, which has them as comments of issues.

https://docs.github.com/rest/issues/comments; the App needs "Pull requests: write".
"""

from collections.abc import AsyncIterator
from typing import Any, Final, Protocol
from urllib.parse import quote

import msgspec

from consumers.comments.forge import NotTaken, Place
from consumers.forges.asking import Answer

GONE: Final = frozenset({404, 410})
SHOWN: Final = 300  # characters of GitHub's own words


class Api(Protocol):
    """What is needed of ``consumers.forges.github.api.Api``."""

    async def request(
        self, method: str, path: str, *, installation: str = "", json: Any = None
    ) -> Answer:
        """Return GitHub's answer."""
        ...

    def pages(self, path: str, *, installation: str = "") -> AsyncIterator[Answer]:
        """Yield the pages of a list."""
        ...


class _App(msgspec.Struct):
    id: int = 0
    client_id: str = ""


class _Comment(msgspec.Struct):
    id: int
    body: str | None = None
    performed_via_github_app: _App | None = None


class GitHubComments:
    """Written by a GitHub App."""

    def __init__(self, api: Api, app: str) -> None:
        """Ask as the App ``app``: its id, or its client id."""
        self._api = api
        self._app = app

    def reaches(self, at: Place) -> bool:
        """Tell whether the App is installed there."""
        return bool(at.repository.installation)

    async def find(self, at: Place) -> str:
        """Return the id of the App's comment; "" for none."""
        path = f"{_issue(at)}/comments"
        async for page in self._api.pages(path, installation=at.repository.installation):
            for one in _taken(page, "look at comments").read(list[_Comment]):
                if (one.body or "").startswith(at.marker) and self._ours(one):
                    return str(one.id)
        return ""

    async def write(self, at: Place, text: str) -> str:
        """Add a comment; return its id."""
        answer = await self._ask("POST", f"{_issue(at)}/comments", at, {"body": text})
        return str(_taken(answer, "comment").read(_Comment).id)

    async def edit(self, at: Place, comment: str, text: str) -> bool:
        """Replace a comment's text; False when it is gone, and its pull request is not."""
        answer = await self._ask("PATCH", _comment(at, comment), at, {"body": text})
        if answer.status in GONE:
            _taken(await self._ask("GET", _issue(at), at), "comment")
            return False
        _taken(answer, "comment")
        return True

    async def remove(self, at: Place, comment: str) -> None:
        """Delete a comment of ours, if it is there."""
        answer = await self._ask("DELETE", _comment(at, comment), at)
        if answer.status not in GONE:
            _taken(answer, "comment deleted")

    def _ours(self, comment: _Comment) -> bool:
        """Tell whether the App has written it: anybody may use its words."""
        app = comment.performed_via_github_app
        return app is not None and self._app in (str(app.id), app.client_id)

    async def _ask(self, method: str, path: str, at: Place, body: Any = None) -> Answer:
        installation = at.repository.installation
        return await self._api.request(method, path, installation=installation, json=body)


def _repository(at: Place) -> str:
    return f"/repos/{quote(at.repository.owner, safe='')}/{quote(at.repository.name, safe='')}"


def _comment(at: Place, comment: str) -> str:
    return f"{_repository(at)}/issues/comments/{quote(comment, safe='')}"


def _issue(at: Place) -> str:
    return f"{_repository(at)}/issues/{at.number}"


def _taken(answer: Answer, what: str) -> Answer:
    """Return an answer that is a success; NotTaken for what no repetition makes one."""
    if 200 <= answer.status < 300:
        return answer
    said = answer.body.get("message", "") if isinstance(answer.body, dict) else ""
    raise NotTaken(f"GitHub: no {what}: {answer.status} {str(said)[:SHOWN]}".rstrip())
