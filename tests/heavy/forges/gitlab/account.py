"""Who asks, who else is there, and what version answers.

https://docs.gitlab.com/api/users/ /groups/ /metadata/ and /personal_access_tokens/
"""

from datetime import UTC, datetime
from urllib.parse import unquote

from aiohttp import web

from tests.heavy.forges.gitlab.doors import API, Doors, Said
from tests.heavy.forges.gitlab.paging import page_of
from tests.heavy.forges.gitlab.world import World


class Account:
    """Answers about the asker's own token."""

    def __init__(self, world: World, doors: Doors) -> None:
        self.world = world
        self.doors = doors

    def routes(self) -> list[web.RouteDef]:
        """Return what it answers."""
        return [
            web.get(f"{API}/user", self.user),
            web.get(f"{API}/users", self.users),
            web.get(f"{API}/groups/{{id}}", self.group),
            web.get(f"{API}/version", self.version),
            web.get(f"{API}/personal_access_tokens/self", self.token),
        ]

    async def user(self, request: web.Request) -> web.Response:
        """Return whose token it is."""
        user = self.doors.enter(request, "read_user")
        body = {"id": user.id, "username": user.username, "state": user.state}
        return web.json_response(body | ({"is_admin": True} if user.admin else {}))

    async def users(self, request: web.Request) -> web.Response:
        """Return whoever has a name."""
        self.doors.enter(request, "read_user")
        wanted = request.query.get("username", "").lower()
        found = [each for each in self.world.users.values() if wanted == each.username.lower()]
        rows = [{"id": each.id, "username": each.username, "state": each.state} for each in found]
        return page_of(request, rows)

    async def group(self, request: web.Request) -> web.Response:
        """Return a group, by its path; one that the asker may see nothing of is not there."""
        user, path = self.doors.enter(request), unquote(request.match_info["id"])
        seen = [each for each in self.world.projects.values() if self.doors.sees(user, each)]
        within = any(f"{each.namespace}/".lower().startswith(f"{path}/".lower()) for each in seen)
        people = {each.username.lower() for each in self.world.users.values()}
        group = next(
            (g for g in self.world.groups.values() if g.path.lower() == path.lower()), None
        )
        member = group is not None and (user.admin or user.id in group.members)
        if path.lower() in people or not (within or member):
            raise Said(404, "404 Group Not Found")
        return web.json_response({"id": group.id if group else 1, "full_path": path})

    async def version(self, request: web.Request) -> web.Response:
        """Return the version."""
        self.doors.enter(request, "read_user")
        return web.json_response({"version": self.world.version, "revision": "0123456"})

    async def token(self, request: web.Request) -> web.Response:
        """Return what the token is good for."""
        self.doors.enter(request, "read_user", "self_rotate", "read_repository")
        text = request.headers.get("PRIVATE-TOKEN", "")
        text = text or request.headers.get("Authorization", "").partition(" ")[2]
        token = self.world.tokens[text]
        until = None if token.until is None else datetime.fromtimestamp(token.until, UTC)
        return web.json_response(
            {
                "id": 1,
                "name": token.name,
                "revoked": False,
                "active": True,
                "scopes": sorted(token.scopes),
                "user_id": token.user.id,
                "expires_at": until.date().isoformat() if until else None,
            }
        )
