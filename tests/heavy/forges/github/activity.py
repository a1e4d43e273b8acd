"""Who moved which branch, and single pull requests.

https://docs.github.com/rest/repos/repos#list-repository-activities and /rest/pulls/pulls
"""

from typing import Any

from aiohttp import web

from tests.heavy.forges.github import payloads
from tests.heavy.forges.github.doors import Doors, Said
from tests.heavy.forges.github.state import Moved
from tests.heavy.forges.github.world import World


class Activities:
    """Answers under ``activity`` and ``pulls/{number}`` of a repository."""

    def __init__(self, world: World, doors: Doors) -> None:
        self.world = world
        self.doors = doors

    def routes(self) -> list[web.RouteDef]:
        """Return what it answers."""
        found = []
        for start in ("/api/v3/repos/{owner}/{repo}", "/api/v3/repositories/{id:\\d+}"):
            found += [
                web.get(f"{start}/activity", self.all),
                web.get(f"{start}/pulls/{{number:\\d+}}", self.pull),
            ]
        return found

    async def all(self, request: web.Request) -> web.Response:
        """Return a page of what moved, newest first; the next one is had by its cursor alone."""
        repository = self.doors.repository(request, "contents", "read")
        if "page" in request.query:
            self.world.complain("activities have no pages by number")
        size = max(1, min(int(request.query.get("per_page", "30")), 100))
        rows = [each for each in reversed(self.world.moves) if each.repository == repository.id]
        if after := request.query.get("after"):
            rows = [each for each in rows if each.id < int(after)]
        part, headers = rows[:size], {}
        if len(rows) > size:
            url = request.url.update_query(after=str(part[-1].id))
            headers["Link"] = f'<{url}>; rel="next"'
        return web.json_response([self._shown(each) for each in part], headers=headers)

    async def pull(self, request: web.Request) -> web.Response:
        """Return one pull request."""
        repository = self.doors.repository(request, "pull_requests", "read")
        found = repository.pulls.get(int(request.match_info["number"]))
        if found is None:
            raise Said(404, "Not Found")
        owner = self.world.account(repository.owner)
        whole = payloads.pull_request(self.world, repository, found, owner, "")
        return web.json_response(whole["pull_request"])

    def _shown(self, moved: Moved) -> dict[str, Any]:
        kind = "push" if moved.before and moved.after else "branch_creation"
        return {
            "id": moved.id,
            "before": moved.before or payloads.ZEROS,
            "after": moved.after or payloads.ZEROS,
            "ref": f"refs/heads/{moved.branch}",
            "timestamp": payloads.moment(moved.at),
            "activity_type": kind if moved.after else "branch_deletion",
            "actor": payloads.account(moved.by),
        }
