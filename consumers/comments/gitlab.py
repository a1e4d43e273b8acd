"""Comments of merge requests at GitLab, which calls them notes.

https://docs.gitlab.com/api/notes/#merge-requests; the token needs the scope "api".
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, Protocol
from urllib.parse import quote

import msgspec

from consumers.comments.forge import NotTaken, Place
from consumers.forges.asking import Answer

SHOWN: Final = 300  # characters of GitLab's own words
OLDEST_FIRST: Final = {"order_by": "created_at", "sort": "asc"}


class Api(Protocol):
    """What is needed of ``consumers.forges.gitlab.api.Api``."""

    async def request(self, method: str, path: str, *, json: Any = None) -> Answer:
        """Return GitLab's answer."""
        ...

    def pages(self, path: str, *, query: Mapping[str, str] | None = None) -> AsyncIterator[Answer]:
        """Yield the pages of a list."""
        ...


class _User(msgspec.Struct):
    id: int


class _Note(msgspec.Struct):
    id: int
    body: str = ""
    author: _User | None = None


class GitLabComments:
    """Written by whoever the token is of."""

    def __init__(self, api: Api) -> None:
        """Ask with a token that may write."""
        self._api = api
        self._self = 0  # our user's id, once asked for

    def reaches(self, at: Place) -> bool:  # noqa: ARG002 - the token's rights say it
        """Tell that whatever the token may is tried."""
        return True

    async def find(self, at: Place) -> str:
        """Return the id of our note; "" for none."""
        me = await self._me()
        async for page in self._api.pages(f"{_merge(at)}/notes", query=OLDEST_FIRST):
            for one in _taken(page, "look at notes").read(list[_Note]):
                ours = one.author is not None and one.author.id == me
                if ours and one.body.startswith(at.marker):
                    return str(one.id)
        return ""

    async def write(self, at: Place, text: str) -> str:
        """Add a note; return its id."""
        answer = await self._api.request("POST", f"{_merge(at)}/notes", json={"body": text})
        return str(_taken(answer, "note").read(_Note).id)

    async def edit(self, at: Place, comment: str, text: str) -> bool:
        """Replace a note's text; False when it is gone, and its merge request is not."""
        answer = await self._api.request("PUT", _note(at, comment), json={"body": text})
        if answer.status == 404:
            _taken(await self._api.request("GET", _merge(at)), "note")
            return False
        _taken(answer, "note")
        return True

    async def remove(self, at: Place, comment: str) -> None:
        """Delete a note of ours, if it is there."""
        answer = await self._api.request("DELETE", _note(at, comment))
        if answer.status != 404:
            _taken(answer, "note deleted")

    async def _me(self) -> int:
        if not self._self:
            answer = await self._api.request("GET", "/user")
            self._self = _taken(answer, "user").read(_User).id
        return self._self


def _note(at: Place, comment: str) -> str:
    return f"{_merge(at)}/notes/{quote(comment, safe='')}"


def _merge(at: Place) -> str:
    return f"/projects/{quote(at.project, safe='')}/merge_requests/{at.number}"


def _taken(answer: Answer, what: str) -> Answer:
    """Return an answer that is a success; NotTaken for what no repetition makes one."""
    if 200 <= answer.status < 300:
        return answer
    body = answer.body
    said = body.get("message") or body.get("error") or "" if isinstance(body, dict) else ""
    raise NotTaken(f"GitLab: no {what}: {answer.status} {str(said)[:SHOWN]}".rstrip())
