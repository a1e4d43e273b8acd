"""GitLab, asked what its projects have, and which deliveries of their webhooks did not arrive.

https://docs.gitlab.com/api/branches /merge_requests /events /project_webhooks
"""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from consumers.forges.asking import Answer, ForgeRefused, ForgeUnavailable
from consumers.forges.gitlab.api import Api
from consumers.forges.gitlab.payloads import names
from consumers.recovery import gitlab_payloads as payloads
from consumers.recovery.forge import Head, Made, Move, Named, Seen, Sent, Turn, Update, Wish
from consumers.recovery.known import Project
from schemas.ids import Sha
from schemas.repository import Repository

NO_BRANCH: Final = "404 Branch Not Found"
NO_PROJECT: Final = "404 Project Not Found"
OURS: Final = "/gitlab-event"  # how the address of a webhook ends that leads to us
FAILED: Final = ("client_failure", "server_failure", "trigger_failure")
KEYS: Final = ("webhook-id", "idempotency-key")  # as ingest takes them
KEPT: Final = ("x-gitlab-event", "x-gitlab-event-uuid", "x-gitlab-instance", *KEYS)
MOVES: Final = 3  # pages of events

T = TypeVar("T")


class Shown(msgspec.Struct, frozen=True):
    """A project."""

    id: int
    path_with_namespace: str
    http_url_to_repo: str
    default_branch: str | None = None
    visibility: str = "private"
    topics: tuple[str, ...] = ()


class Commit(msgspec.Struct, frozen=True):
    """The head of a branch."""

    id: Sha


class Branch(msgspec.Struct, frozen=True):
    """A branch."""

    name: str
    commit: Commit


class PushData(msgspec.Struct, frozen=True):
    """What somebody pushed."""

    ref: str
    ref_type: str = "branch"


class Event(msgspec.Struct, frozen=True):
    """Somebody pushed."""

    created_at: datetime
    push_data: PushData | None = None


class MergeRequest(msgspec.Struct, frozen=True):
    """A merge request."""

    iid: int
    state: str
    sha: Sha
    updated_at: datetime


class Hook(msgspec.Struct, frozen=True):
    """A webhook."""

    id: int
    url: str


class HookEvent(msgspec.Struct, frozen=True):
    """What was sent to it."""

    id: int
    request_headers: dict[str, str]
    request_data: dict[str, Any]


class GitLab:
    """The port ``Forge`` on GitLab's API."""

    name: ClassVar[str] = "gitlab"

    def __init__(self, api: Api, tag: str = "") -> None:
        """Ask over ``api``; ``tag``: the topic of projects that are installed, "": each is."""
        self._api = api
        self._tag = tag
        self._made: dict[int, Made] = {}

    async def tagged(self) -> Mapping[str, Seen]:
        """Return the projects that have the topic; none where each project is installed."""
        found: dict[str, Seen] = {}
        if not self._tag:
            return found
        query = {"topic": self._tag, "pagination": "keyset", "order_by": "id"}
        async for page in self._api.pages("/projects", query=query):
            for raw in _whole(page).read(list[dict[str, Any]]):
                shown = _read(raw, Shown)
                found[str(shown.id)] = Seen(_repository(shown), {}, {}, raw=raw)
        return found

    async def look(self, known: Project, named: Named | None) -> Seen | None:  # noqa: ARG002 - the port's
        """Return a project as GitLab has it."""
        at = f"/projects/{int(known.id)}"
        answer = await self._api.request("GET", at)
        if answer.status == 404 and _says(answer) == NO_PROJECT:
            return None
        found = _whole(answer).read(Shown)
        heads: dict[str, Head] = {}
        async for page in self._api.pages(f"{at}/repository/branches"):
            if page.status == 404:  # nothing was pushed yet, or is to be seen
                return None
            for branch in _whole(page).read(list[Branch]):
                heads[branch.name] = Head(branch.commit.id)
        for name, row in known.branches.items():
            if row.sha and name not in heads and not await self._no_branch(at, name):
                heads[name] = Head(row.sha)  # it is there, or nobody says that it is not
        if strange := [name for name in heads if name not in known.branches]:
            moved = await self._moved(at, known.since)
            heads |= {name: Head(heads[name].sha, moved.get(name)) for name in strange}
        installed = not self._tag or self._tag.casefold() in map(str.casefold, found.topics)
        try:
            pulls = await self._pulls(at, known)
        except ForgeRefused:  # the project has none
            pulls = {}
        return Seen(_repository(found), heads, pulls, installed, answer.body)

    async def _no_branch(self, at: str, name: str) -> bool:
        """Tell whether GitLab says that there is none; lists may skip one while others come."""
        path = f"{at}/repository/branches/{quote(name, safe='')}"
        answer = await self._api.request("GET", path)
        return answer.status == 404 and _says(answer) == NO_BRANCH

    async def _moved(self, at: str, since: datetime) -> dict[str, datetime]:
        """Return when branches were moved last, as far as that was after a moment."""
        found: dict[str, datetime] = {}
        day = (since - timedelta(days=1)).date().isoformat()  # the day itself is not in it
        left = MOVES
        async for page in self._api.pages(f"{at}/events", query={"action": "pushed", "after": day}):
            for one in _whole(page).read(list[Event]):
                if one.push_data is not None and one.push_data.ref_type == "branch":
                    found.setdefault(one.push_data.ref, one.created_at)
            left -= 1
            if not left:
                break
        return found

    async def _pulls(self, at: str, known: Project) -> dict[int, Wish]:
        found: dict[int, Wish] = {}
        query = {"state": "opened"}
        async for page in self._api.pages(f"{at}/merge_requests", query=query):
            for raw in _whole(page).read(list[dict[str, Any]]):
                if raw.get("sha"):  # GitLab has yet to look at it
                    asked = _read(raw, MergeRequest)
                    found[asked.iid] = Wish(asked.sha, at=asked.updated_at, raw=raw)
        for number, row in known.pulls.items():
            if not row.closed and number not in found:
                answer = await self._api.request("GET", f"{at}/merge_requests/{number}")
                asked = _whole(answer).read(MergeRequest)
                over = asked.state in ("closed", "merged")
                found[number] = Wish(asked.sha, over, asked.updated_at, answer.body)
        return found

    def push(self, seen: Seen, move: Move) -> Made:
        """Return a ``Push Hook``."""
        return payloads.push(seen, move)

    def pull(self, seen: Seen, turn: Turn) -> Made:
        """Return a ``Merge Request Hook``."""
        return payloads.merge_request(seen, turn)

    def update(self, seen: Seen, update: Update) -> Made:
        """Return a ``System Hook``."""
        return payloads.project(seen, update)

    async def sent(self, known: Mapping[str, Project], after: int) -> AsyncIterator[Sent]:
        """Yield what projects' own webhooks failed to deliver; system hooks keep no such list."""
        self._made.clear()
        for project in list(known.values()):
            if project.gone:
                continue
            try:
                async for hook in self._hooks(project.id):
                    for status in FAILED:
                        async for each in self._failed(hook, status, after):
                            yield each
            except ForgeRefused:  # our user is no maintainer there: the heads tell the rest
                continue

    async def _hooks(self, project: str) -> AsyncIterator[str]:
        """Yield the paths of a project's webhooks that lead to us."""
        at = f"/projects/{int(project)}/hooks"
        async for page in self._api.pages(at):
            for hook in page.read(list[Hook]) if page.status == 200 else ():
                if urlsplit(hook.url).path.rstrip("/").endswith(OURS):
                    yield f"{at}/{hook.id}"

    async def _failed(self, hook: str, status: str, after: int) -> AsyncIterator[Sent]:
        async for page in self._api.pages(f"{hook}/events", query={"status": status}):
            for event in page.read(list[HookEvent]) if page.status == 200 else ():
                if event.id <= after:
                    return
                if (sent := self._sent(event)) is not None:
                    yield sent

    def _sent(self, event: HookEvent) -> Sent | None:
        headers = {name.lower(): value for name, value in event.request_headers.items()}
        id = next((headers[name] for name in KEYS if headers.get(name)), "")
        kind = headers.get("x-gitlab-event", "")
        if not id or not kind:
            return None
        kept = {"content-type": "application/json"}
        kept |= {name: headers[name] for name in KEPT if name in headers}
        self._made[event.id] = Made(kind, kept, msgspec.json.encode(event.request_data))
        return Sent(event.id, id, kind, None, str(event.id))

    async def delivery(self, sent: Sent) -> Made | None:
        """Return a delivery with what was sent: the list has it."""
        return self._made.get(sent.position)


def _repository(shown: Shown) -> Repository:
    owner, name = names(shown.path_with_namespace)
    return Repository(
        owner=owner,
        name=name,
        default_branch=shown.default_branch or "",
        clone_url=shown.http_url_to_repo,
        private=shown.visibility != "public",
    )


def _read(raw: Any, kind: type[T]) -> T:
    """Return a part of an answer; ForgeUnavailable where it is not as documented."""
    return Answer(200, raw).read(kind)


def _whole(answer: Answer) -> Answer:
    """Return a 200; ForgeUnavailable for anything else: a list has to be whole."""
    if answer.status != 200:
        raise ForgeUnavailable(f"GitLab answered {answer.status}, from which nothing follows")
    return answer


def _says(answer: Answer) -> str:
    said = answer.body.get("message") if isinstance(answer.body, dict) else ""
    return said if isinstance(said, str) else ""
