"""Repositories: what they are, their branches, and clones by smart HTTP.

https://docs.github.com/rest/repos/repos, https://docs.github.com/rest/branches/branches
"""

import base64
from typing import Any

from aiohttp import web

from tests.heavy.forges.gitbackend import cgi
from tests.heavy.forges.github import payloads
from tests.heavy.forges.github.doors import Doors, Said
from tests.heavy.forges.github.paging import page_of
from tests.heavy.forges.github.state import LEVELS
from tests.heavy.forges.github.world import World


class Repositories:
    """Answers under ``/repos`` and ``/repositories``, and git's own."""

    def __init__(self, world: World, doors: Doors) -> None:
        self.world = world
        self.doors = doors
        self.cloned: list[str] = []  # names of repositories whose refs were read

    def routes(self) -> list[web.RouteDef]:
        """Return what it answers."""
        both = ("/api/v3/repos/{owner}/{repo}", "/api/v3/repositories/{id:\\d+}")
        found = [web.get(start, self.show) for start in both]
        found += [web.get(f"{start}/branches", self.branches) for start in both]
        found += [web.get(f"{start}/branches/{{branch:.+}}", self.branch) for start in both]
        found += [web.get(f"{start}/pulls", self.pulls) for start in both]
        people = "/collaborators/{login}/permission"
        found += [web.get(f"{start}{people}", self.permission) for start in both]
        return [
            *found,
            web.get("/{owner}/{repo}.git/info/refs", self.git),
            web.post("/{owner}/{repo}.git/git-upload-pack", self.git),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Return a repository."""
        repository = self.doors.repository(request, "metadata", "read")
        return web.json_response(payloads.repository(self.world, repository))

    async def branches(self, request: web.Request) -> web.Response:
        """Return its branches, by name."""
        repository = self.doors.repository(request, "contents", "read")
        heads = sorted(repository.branches.items())
        return page_of(request, [_branch(name, sha) for name, sha in heads])

    async def branch(self, request: web.Request) -> web.Response:
        """Return one branch."""
        repository = self.doors.repository(request, "contents", "read")
        name = request.match_info["branch"]
        if name not in repository.branches:
            raise Said(404, "Branch not found")
        return web.json_response(_branch(name, repository.branches[name]))

    async def pulls(self, request: web.Request) -> web.Response:
        """Return its pull requests, the open ones unless others are asked for."""
        repository = self.doors.repository(request, "pull_requests", "read")
        state, owner = request.query.get("state", "open"), self.world.account(repository.owner)
        rows = [
            payloads.pull_request(self.world, repository, pull, owner, "")["pull_request"]
            for pull in repository.pulls.values()
            if state in ("all", pull.state)
        ]
        return page_of(request, rows)

    async def permission(self, request: web.Request) -> web.Response:
        """Return what somebody may here."""
        repository = self.doors.repository(request, "metadata", "read")
        login = request.match_info["login"]
        if login.lower() not in self.world.accounts:
            raise Said(404, "Not Found")
        user = payloads.account(self.world.account(login))
        given = repository.permission(login)
        return web.json_response({"permission": given, "role_name": given, "user": user})

    async def git(self, request: web.Request) -> web.Response:
        """Hand out commits to whoever may read them."""
        name = f"{request.match_info['owner']}/{request.match_info['repo']}"
        repository = self.world.named(name)
        grant = self.doors.grant_of(_password(request))
        given = LEVELS.get(grant.permissions.get("contents", ""), 0) if grant else 0
        open_to_all = repository is not None and not repository.private
        if not request.headers.get("Authorization") and not open_to_all:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="GitHub"'})
        allowed = repository is not None and grant is not None and grant.reaches(repository)
        if repository is None or not (open_to_all or (allowed and given)):
            return web.Response(status=404, text="Repository not found.")
        if repository.folder is None:
            return web.Response(status=404, text="Repository not found.")
        self.cloned.append(name)
        return await cgi(request, repository.folder, request.path.partition(".git")[2])


def _branch(name: str, sha: str) -> dict[str, Any]:
    return {"name": name, "commit": {"sha": sha, "url": ""}, "protected": False}


def _password(request: web.Request) -> str:
    """Return the token of Basic authentication, whose user has to be ``x-access-token``."""
    scheme, _, pair = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    user, _, password = base64.b64decode(pair).decode().partition(":")
    return password if user == "x-access-token" else ""
