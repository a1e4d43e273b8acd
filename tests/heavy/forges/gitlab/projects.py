"""Projects, their branches and commits, and clones by smart HTTP.

https://docs.gitlab.com/api/projects/ /branches/ /commits/ and /repositories/
"""

import base64
import subprocess
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from tests.consumers.source.forge import git
from tests.heavy.forges.gitbackend import cgi
from tests.heavy.forges.gitlab.doors import API, Doors, Said
from tests.heavy.forges.gitlab.paging import page_of
from tests.heavy.forges.gitlab.state import GUEST, REPORTER, Project, User
from tests.heavy.forges.gitlab.world import World


class Projects:
    """Answers under ``/projects``, and git's own."""

    def __init__(self, world: World, doors: Doors) -> None:
        self.world = world
        self.doors = doors
        self.cloned: list[str] = []  # paths of projects whose refs were read

    def routes(self) -> list[web.RouteDef]:
        """Return what it answers."""
        one = f"{API}/projects/{{id}}"
        return [
            web.get(f"{API}/projects", self.projects),
            web.get(one, self.show),
            web.get(f"{one}/repository/branches", self.branches),
            web.get(f"{one}/repository/branches/{{branch}}", self.branch),
            web.get(f"{one}/repository/commits/{{sha}}", self.commit),
            web.get("/{path:.+}.git/info/refs", self.git),
            web.post("/{path:.+}.git/git-upload-pack", self.git),
        ]

    async def projects(self, request: web.Request) -> web.Response:
        """Return what the asker may see, by the documented filters."""
        user, query = self.doors.enter(request), request.query
        found = [each for each in self.world.projects.values() if self.doors.sees(user, each)]
        if query.get("membership") == "true":
            found = [each for each in found if self.world.level(user, each) and not user.admin]
        if least := query.get("min_access_level"):
            found = [each for each in found if self.world.level(user, each) >= int(least)]
        for topic in filter(None, query.get("topic", "").split(",")):
            found = [each for each in found if topic in each.topics]
        found.sort(key=lambda each: each.id, reverse=query.get("sort", "desc") == "desc")
        return page_of(request, [self.world.shown(each) for each in found])

    async def show(self, request: web.Request) -> web.Response:
        """Return a project."""
        return web.json_response(self.world.shown(self.doors.project(request)))

    async def branches(self, request: web.Request) -> web.Response:
        """Return its branches, by name."""
        project = self.doors.project(request, self._reading(request), "read_repository")
        rows = [_branch(project, name) for name in sorted(project.branches)]
        return page_of(request, rows)

    async def branch(self, request: web.Request) -> web.Response:
        """Return one branch."""
        project = self.doors.project(request, self._reading(request), "read_repository")
        name = unquote(request.match_info["branch"])
        if name not in project.branches:
            raise Said(404, "404 Branch Not Found")
        return web.json_response(_branch(project, name))

    async def commit(self, request: web.Request) -> web.Response:
        """Return a commit."""
        project = self.doors.project(request, self._reading(request))
        asked = unquote(request.match_info["sha"])
        try:
            sha = git(project.folder, "rev-parse", "--verify", "-q", f"{asked}^{{commit}}")
        except subprocess.CalledProcessError:
            raise Said(404, "404 Commit Not Found") from None
        return web.json_response({"id": sha, "short_id": sha[:8], "title": "change"})

    def _reading(self, request: web.Request) -> int:
        """Return the role that reads the repository: code of private projects is no guest's."""
        project = self.world.find(request.match_info["id"])
        return REPORTER if project is not None and project.visibility == "private" else 0

    async def git(self, request: web.Request) -> web.Response:
        """Hand out commits to whoever may read them."""
        project = self.world.find(request.match_info["path"])
        user = self._user(request)
        if user is None and (project is None or project.visibility != "public"):
            headers = {"WWW-Authenticate": 'Basic realm="GitLab"'}
            return web.Response(status=401, text="HTTP Basic: Access denied.", headers=headers)
        if project is None or not self.doors.sees(user, project):
            text = "The project you were looking for could not be found."
            return web.Response(status=404, text=text)
        closed = project.visibility == "private" and user is not None
        if closed and user is not None and self.world.level(user, project) <= GUEST:
            text = "You are not allowed to download code from this project."
            return web.Response(status=403, text=text)
        self.cloned.append(project.path)
        service = request.path.rpartition(".git/")[2]
        return await cgi(request, project.folder, f"/{service}")

    def _user(self, request: web.Request) -> User | None:
        """Return whose token stands as the password; which name stands before it is all one."""
        scheme, _, pair = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        password = base64.b64decode(pair).decode().partition(":")[2]
        token = self.doors.token_of(password)
        able = token is not None and token.scopes & {"api", "read_repository", "write_repository"}
        return token.user if token is not None and able else None


def _branch(project: Project, name: str) -> dict[str, Any]:
    sha = project.branches[name]
    return {
        "name": name,
        "merged": False,
        "protected": False,
        "default": name == project.default_branch,
        "can_push": True,
        "web_url": "",
        "commit": {"id": sha, "short_id": sha[:8], "title": "change"},
    }
