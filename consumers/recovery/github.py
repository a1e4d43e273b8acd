"""GitHub, asked as an App what it has, and which of its deliveries did not arrive.

https://docs.github.com/rest/apps/webhooks /branches /repos/repos#list-repository-activities
"""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Meta

from consumers.forges.asking import Answer, ForgeRefused, ForgeUnavailable
from consumers.forges.github.api import Api
from consumers.recovery import github_payloads as payloads
from consumers.recovery.forge import (
    Account,
    Change,
    Head,
    Made,
    Move,
    Named,
    Roster,
    Seen,
    Sent,
    Turn,
    Update,
    Wish,
)
from consumers.recovery.known import Project
from schemas.ids import Sha
from schemas.repository import Repository

NO_BRANCH: Final = "Branch not found"  # of a repository that is closed to us it says something else
ACTIVITIES: Final = 3  # pages; what is older is known by now

T = TypeVar("T")
Text = Annotated[str, Meta(min_length=1)]


class Owner(msgspec.Struct, frozen=True):
    """A user or an organization."""

    login: Text


class Shown(msgspec.Struct, frozen=True):
    """A repository."""

    id: int
    name: Text
    owner: Owner
    clone_url: Text
    default_branch: str = ""
    private: bool = True


class Installation(msgspec.Struct, frozen=True):
    """An installation of the App."""

    id: int
    account: Owner
    suspended_at: str | None = None


class Page(msgspec.Struct, frozen=True):
    """Repositories of an installation."""

    repositories: list[dict[str, Any]]


class Commit(msgspec.Struct, frozen=True):
    """The head of a branch."""

    sha: Sha


class Branch(msgspec.Struct, frozen=True):
    """A branch."""

    name: str
    commit: Commit


class Activity(msgspec.Struct, frozen=True):
    """Somebody moved a ref."""

    ref: str
    timestamp: datetime


class PullHead(msgspec.Struct, frozen=True):
    """The head of a pull request."""

    sha: Sha


class Pull(msgspec.Struct, frozen=True):
    """A pull request."""

    number: int
    state: str
    head: PullHead
    updated_at: datetime


class Listed(msgspec.Struct, frozen=True):
    """A delivery in the App's list."""

    id: int
    guid: Text
    event: Text
    delivered_at: datetime


class Request(msgspec.Struct, frozen=True):
    """What was sent."""

    headers: dict[str, str]
    payload: dict[str, Any] | None


class Delivery(msgspec.Struct, frozen=True):
    """A delivery, whole."""

    guid: str
    event: Text
    request: Request


class GitHub:
    """The ports ``Forge`` and ``Lists`` on GitHub's API."""

    name: ClassVar[str] = "github"

    def __init__(self, api: Api) -> None:
        """Ask over ``api``."""
        self._api = api

    async def roster(self) -> Roster:
        """Return the installations and their repositories; one that is dead stops no other."""
        accounts, silent = [], 0
        async for page in self._api.pages("/app/installations"):
            for raw in _whole(page).read(list[dict[str, Any]]):
                found = _read(raw, Installation)
                account = Account(
                    found.account.login, str(found.id), bool(found.suspended_at), raw=raw
                )
                if not account.suspended:
                    try:
                        account = msgspec.structs.replace(
                            account, repositories=await self._repositories(account.installation)
                        )
                    except (ForgeUnavailable, ForgeRefused):
                        silent += 1
                accounts.append(account)
        projects = {each.id: each for one in accounts for each in one.repositories or ()}
        return Roster(tuple(accounts), projects, silent)

    async def _repositories(self, installation: str) -> tuple[Named, ...]:
        found = []
        path = "/installation/repositories"
        async for page in self._api.pages(path, installation=installation):
            found += [_named(raw, installation) for raw in _whole(page).read(Page).repositories]
        return tuple(found)

    async def gone(self, installation: str) -> bool:
        """Tell whether GitHub itself says that there is no such installation."""
        answer = await self._api.request("GET", f"/app/installations/{quote(installation)}")
        if answer.status not in (200, 404):
            raise _unclear(answer)
        return answer.status == 404

    async def tagged(self) -> Mapping[str, Seen]:
        """Return none: accounts say it."""
        return {}

    async def look(self, known: Project, named: Named | None) -> Seen | None:
        """Return a repository that an installation opens to us."""
        if named is None:
            return None
        repository = named.repository
        at = f"/repos/{quote(repository.owner)}/{quote(repository.name)}"
        heads: dict[str, Head] = {}
        async for page in self._api.pages(f"{at}/branches", installation=repository.installation):
            if page.status == 404:
                return None
            for branch in _whole(page).read(list[Branch]):
                heads[branch.name] = Head(branch.commit.sha)
        for name, row in known.branches.items():
            if row.sha and name not in heads and not await self._no_branch(at, name, repository):
                heads[name] = Head(row.sha)  # it is there, or nobody says that it is not
        if strange := [name for name in heads if name not in known.branches]:
            moved = await self._moved(at, repository, known.since)
            heads |= {name: Head(heads[name].sha, moved.get(name)) for name in strange}
        try:
            pulls = await self._pulls(at, repository, known)
        except ForgeRefused:  # the App may see branches alone
            pulls = {}
        return Seen(repository, heads, pulls, raw=named.raw)

    async def _no_branch(self, at: str, name: str, repository: Repository) -> bool:
        """Tell whether GitHub says that there is none; lists may skip one while others come."""
        answer = await self._api.request(
            "GET", f"{at}/branches/{quote(name)}", installation=repository.installation
        )
        if answer.status == 200:
            return answer.read(Branch).name != name  # the new name of a branch that was renamed
        said = answer.body.get("message") if isinstance(answer.body, dict) else ""
        return answer.status == 404 and said == NO_BRANCH

    async def _moved(self, at: str, repository: Repository, since: datetime) -> dict[str, datetime]:
        """Return when branches were moved last, as far as that was after a moment."""
        found: dict[str, datetime] = {}
        left = ACTIVITIES
        async for page in self._api.pages(f"{at}/activity", installation=repository.installation):
            told = _whole(page).read(list[Activity])
            for one in told:
                found.setdefault(one.ref.removeprefix("refs/heads/"), one.timestamp)
            left -= 1
            if not left or not told or told[-1].timestamp <= since:
                break
        return found

    async def _pulls(self, at: str, repository: Repository, known: Project) -> dict[int, Wish]:
        found: dict[int, Wish] = {}
        async for page in self._api.pages(
            f"{at}/pulls", installation=repository.installation, query={"state": "open"}
        ):
            for raw in _whole(page).read(list[dict[str, Any]]):
                pull = _read(raw, Pull)
                found[pull.number] = Wish(pull.head.sha, at=pull.updated_at, raw=raw)
        for number, row in known.pulls.items():
            if not row.closed and number not in found:
                answer = await self._api.request(
                    "GET", f"{at}/pulls/{number}", installation=repository.installation
                )
                pull = _whole(answer).read(Pull)
                found[number] = Wish(
                    pull.head.sha, pull.state == "closed", pull.updated_at, answer.body
                )
        return found

    def push(self, seen: Seen, move: Move) -> Made:
        """Return event ``push``."""
        return payloads.push(seen, move)

    def pull(self, seen: Seen, turn: Turn) -> Made:
        """Return event ``pull_request``."""
        return payloads.pull_request(seen, turn)

    def update(self, seen: Seen, update: Update) -> Made:
        """Return event ``repository``."""
        return payloads.repository(seen, update)

    def change(self, change: Change, roster: Roster, known: Mapping[str, Project]) -> Made:
        """Return event ``installation``, or ``installation_repositories``."""
        accounts = (one for one in roster.accounts if one.installation == change.installation)
        names = {id: each.repository for id, each in known.items()}
        names |= {id: each.repository for id, each in roster.projects.items()}
        return payloads.installation(change, next(accounts, None), names)

    async def sent(
        self,
        known: Mapping[str, Project],  # noqa: ARG002 - the App has one list
        after: int,
    ) -> AsyncIterator[Sent]:
        """Yield the App's deliveries, of the days that GitHub remembers."""
        async for page in self._api.pages("/app/hook/deliveries"):
            for one in _whole(page).read(list[Listed]):
                if one.id <= after:
                    return
                yield Sent(one.id, one.guid, one.event, one.delivered_at, str(one.id))

    async def delivery(self, sent: Sent) -> Made | None:
        """Return a delivery with what was sent."""
        answer = await self._api.request("GET", f"/app/hook/deliveries/{sent.about}")
        if answer.status == 404:
            return None
        found = _whole(answer).read(Delivery)
        if found.request.payload is None:  # too large to be kept there
            return None
        return payloads.made(found.event, found.request.payload)


def _named(raw: dict[str, Any], installation: str) -> Named:
    found = _read(raw, Shown)
    repository = Repository(
        owner=found.owner.login,
        name=found.name,
        default_branch=found.default_branch,
        clone_url=found.clone_url,
        private=found.private,
        installation=installation,
    )
    return Named(str(found.id), repository, raw)


def _read(raw: Any, kind: type[T]) -> T:
    """Return a part of an answer; ForgeUnavailable where it is not as documented."""
    return Answer(200, raw).read(kind)


def _whole(answer: Answer) -> Answer:
    """Return a 200; ForgeUnavailable for anything else: a list has to be whole."""
    if answer.status != 200:
        raise _unclear(answer)
    return answer


def _unclear(answer: Answer) -> ForgeUnavailable:
    return ForgeUnavailable(f"GitHub answered {answer.status}, from which nothing follows")
