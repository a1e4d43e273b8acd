"""Merge requests, as https://docs.gitlab.com/api/merge_requests/ has them."""

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from tests.heavy.forges.gitlab.doors import API, Doors, Said
from tests.heavy.forges.gitlab.paging import page_of
from tests.heavy.forges.gitlab.state import MergeRequest
from tests.heavy.forges.gitlab.world import World

STATES = ("opened", "closed", "locked", "merged", "all")


class Merges:
    """Answers under ``/projects/:id/merge_requests``."""

    def __init__(self, world: World, doors: Doors) -> None:
        self.world = world
        self.doors = doors

    def routes(self) -> list[web.RouteDef]:
        """Return what it answers."""
        start = f"{API}/projects/{{id}}/merge_requests"
        return [web.get(start, self.all), web.get(f"{start}/{{iid:\\d+}}", self.show)]

    async def all(self, request: web.Request) -> web.Response:
        """Return the project's merge requests, newest first."""
        project = self.doors.project(request)
        wanted = request.query.get("state", "all")
        if wanted not in STATES:
            raise Said(400, "", error="state does not have a valid value")
        found = [each for each in project.merges.values() if wanted in ("all", each.state)]
        branch = request.query.get("source_branch")
        found = [each for each in found if branch in (None, each.source_branch)]
        found.sort(key=lambda each: each.id, reverse=True)
        return page_of(request, [self._shown(each) for each in found])

    async def show(self, request: web.Request) -> web.Response:
        """Return one."""
        project = self.doors.project(request)
        found = project.merges.get(int(request.match_info["iid"]))
        if found is None:
            raise Said(404, "404 Not found")
        return web.json_response(self._shown(found))

    def _shown(self, asked: MergeRequest) -> dict[str, Any]:
        gone = asked.source_project not in self.world.projects
        updated = datetime.fromtimestamp(asked.updated, UTC)
        return {
            "id": asked.id,
            "iid": asked.iid,
            "project_id": asked.target_project,
            "title": asked.title,
            "state": asked.state,
            "draft": False,
            "source_branch": asked.source_branch,
            "target_branch": asked.target_branch,
            "source_project_id": None if gone else asked.source_project,
            "target_project_id": asked.target_project,
            "author": {"id": asked.author.id, "username": asked.author.username},
            "sha": asked.sha,
            "merge_commit_sha": asked.merged_as,
            "updated_at": updated.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "web_url": f"{self.world.url}/-/merge_requests/{asked.iid}",
        }
