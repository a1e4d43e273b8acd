"""Commit statuses, as https://docs.github.com/rest/commits/statuses has them."""

from dataclasses import dataclass
from itertools import count
from typing import Any

from aiohttp import web

from tests.heavy.forges.github.checks import has, one_of, web_address
from tests.heavy.forges.github.doors import Doors, Said, said_of
from tests.heavy.forges.github.paging import page_of
from tests.heavy.forges.github.world import Repository, World

STATES = ("error", "failure", "pending", "success")
FIELDS = ("state", "target_url", "description", "context")
MOST = 1000  # of one context of a commit


@dataclass
class Status:
    """What was once said of a commit."""

    id: int
    repository: int
    sha: str
    state: str
    context: str
    description: str
    target_url: str


class Statuses:
    """Answers under ``statuses`` of a repository and its commits."""

    def __init__(self, world: World, doors: Doors) -> None:
        self.world = world
        self.doors = doors
        self.said: list[Status] = []
        self.ids = count(90_001)

    def routes(self) -> list[web.RouteDef]:
        """Return what it answers."""
        found = []
        for start in ("/api/v3/repos/{owner}/{repo}", "/api/v3/repositories/{id:\\d+}"):
            found += [
                web.post(f"{start}/statuses/{{sha}}", self.make),
                web.get(f"{start}/commits/{{sha}}/statuses", self.of_commit),
            ]
        return found

    def of(self, repository: Repository, sha: str) -> dict[str, list[Status]]:
        """Return what was said of a commit, by context, newest last."""
        found: dict[str, list[Status]] = {}
        for each in self.said:
            if (each.repository, each.sha) == (repository.id, sha):
                found.setdefault(each.context, []).append(each)
        return found

    async def make(self, request: web.Request) -> web.Response:
        """Say one thing more."""
        repository = self.doors.repository(request, "statuses", "write")
        said, sha = await said_of(request), request.match_info["sha"]
        for name in said.keys() - set(FIELDS):
            raise Said(422, f'Invalid request.\n\n"{name}" is not a permitted key.')
        one_of(said.get("state", ""), STATES, "state")
        if len(said.get("description", "")) > 140:
            raise Said(422, "Validation Failed: description is too long (maximum is 140)")
        web_address(said.get("target_url", "https://x"), "target_url")
        if not has(repository, sha):
            raise Said(422, f"No commit found for SHA: {sha}")
        context = said.get("context", "default")
        if len(self.of(repository, sha).get(context, [])) >= MOST:
            raise Said(422, "This SHA and context has reached the maximum number of statuses.")
        status = Status(
            next(self.ids),
            repository.id,
            sha,
            said["state"],
            context,
            said.get("description", ""),
            said.get("target_url", ""),
        )
        self.said.append(status)
        return web.json_response(_shown(status), status=201)

    async def of_commit(self, request: web.Request) -> web.Response:
        """Return all that was said of a commit, newest first."""
        repository = self.doors.repository(request, "statuses", "read")
        sha = request.match_info["sha"]
        found = [each for named in self.of(repository, sha).values() for each in named]
        found.sort(key=lambda each: each.id, reverse=True)
        return page_of(request, [_shown(each) for each in found])


def _shown(status: Status) -> dict[str, Any]:
    return {
        "id": status.id,
        "state": status.state,
        "context": status.context,
        "description": status.description,
        "target_url": status.target_url,
    }
