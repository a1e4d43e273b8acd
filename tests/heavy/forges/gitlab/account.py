"""Who asks, and what version answers.

https://docs.gitlab.com/api/users/ /metadata/ and /personal_access_tokens/
"""

from datetime import UTC, datetime

from aiohttp import web

from tests.heavy.forges.gitlab.doors import API, Doors
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
            web.get(f"{API}/version", self.version),
            web.get(f"{API}/personal_access_tokens/self", self.token),
        ]

    async def user(self, request: web.Request) -> web.Response:
        """Return whose token it is."""
        user = self.doors.enter(request, "read_user")
        body = {"id": user.id, "username": user.username, "state": user.state}
        return web.json_response(body | ({"is_admin": True} if user.admin else {}))

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
