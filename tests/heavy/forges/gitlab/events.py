"""Who pushed what, as https://docs.gitlab.com/api/events/ has a project's."""

from datetime import UTC, date, datetime
from typing import Any

from aiohttp import web

from tests.heavy.forges.gitlab.doors import API, Doors, Said
from tests.heavy.forges.gitlab.paging import page_of
from tests.heavy.forges.gitlab.state import Moved
from tests.heavy.forges.gitlab.world import World

ACTIONS = (
    *("approved", "closed", "commented", "created", "destroyed", "expired", "joined", "left"),
    *("merged", "pushed", "reopened", "updated"),
)


class Events:
    """Answers under ``/projects/:id/events``."""

    def __init__(self, world: World, doors: Doors) -> None:
        self.world = world
        self.doors = doors

    def routes(self) -> list[web.RouteDef]:
        """Return what it answers."""
        return [web.get(f"{API}/projects/{{id}}/events", self.all)]

    async def all(self, request: web.Request) -> web.Response:
        """Return what was pushed on later days than ``after``, newest first."""
        project = self.doors.project(request, 0, "read_user")
        if request.query.get("action", "pushed") not in ACTIONS:
            raise Said(400, "", error="action does not have a valid value")
        found = [each for each in reversed(self.world.moves) if each.project == project.id]
        if after := request.query.get("after"):
            last = date.fromisoformat(after)
            found = [each for each in found if datetime.fromtimestamp(each.at, UTC).date() > last]
        if request.query.get("action", "pushed") != "pushed":
            found = []
        return page_of(request, [_shown(each) for each in found])


def _shown(moved: Moved) -> dict[str, Any]:
    new = "pushed new" if not moved.before else "pushed to"
    kind = "created" if not moved.before else "pushed"
    return {
        "id": moved.id,
        "project_id": moved.project,
        "action_name": new if moved.after else "deleted",
        "target_id": None,
        "target_type": None,
        "author_id": moved.by.id,
        "author_username": moved.by.username,
        "created_at": datetime.fromtimestamp(moved.at, UTC).isoformat(),
        "push_data": {
            "commit_count": 1 if moved.after else 0,
            "action": kind if moved.after else "removed",
            "ref_type": "branch",
            "commit_from": moved.before or None,
            "commit_to": moved.after or None,
            "ref": moved.branch,
            "commit_title": "change",
        },
    }
