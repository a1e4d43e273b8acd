"""The App's own endpoints: itself, its installations, their tokens.

https://docs.github.com/rest/apps/apps
"""

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from tests.heavy.forges.github import payloads
from tests.heavy.forges.github.doors import Doors, Said, said_of
from tests.heavy.forges.github.paging import page_of
from tests.heavy.forges.github.state import LEVELS
from tests.heavy.forges.github.world import World


class Apps:
    """Answers under ``/app``."""

    def __init__(self, world: World, doors: Doors) -> None:
        self.world = world
        self.doors = doors
        self.minted = 0

    def routes(self) -> list[web.RouteDef]:
        """Return what it answers."""
        return [
            web.get("/api/v3/app", self.app),
            web.get("/api/v3/app/installations", self.installations),
            web.get("/api/v3/app/installations/{id:\\d+}", self.installation),
            web.post("/api/v3/app/installations/{id:\\d+}/access_tokens", self.mint),
            web.get("/api/v3/installation/repositories", self.repositories),
            web.get("/api/v3/repos/{owner}/{repo}/installation", self.of_repository),
            web.get("/api/v3/repositories/{id:\\d+}/installation", self.of_repository),
        ]

    async def app(self, request: web.Request) -> web.Response:
        """Return the App."""
        self.doors.as_app(request)
        world = self.world
        return web.json_response(
            {
                "id": world.app_id,
                "slug": "played",
                "client_id": world.client_id,
                "name": "Played",
                "permissions": world.permissions,
                "events": world.events,
            }
        )

    async def installations(self, request: web.Request) -> web.Response:
        """Return where it is installed."""
        self.doors.as_app(request)
        world = self.world
        rows = [payloads.installation(world, each) for each in world.installations.values()]
        return page_of(request, rows)

    async def installation(self, request: web.Request) -> web.Response:
        """Return one installation."""
        self.doors.as_app(request)
        found = self.world.installations.get(int(request.match_info["id"]))
        if found is None:
            raise Said(404, "Not Found")
        return web.json_response(payloads.installation(self.world, found))

    async def repositories(self, request: web.Request) -> web.Response:
        """Return what a token opens."""
        grant = self.doors.as_installation(request, "metadata", "read")
        rows = [
            payloads.repository(self.world, each)
            for each in self.world.repositories.values()
            if grant.reaches(each)
        ]
        return page_of(request, rows, "repositories")

    async def of_repository(self, request: web.Request) -> web.Response:
        """Return the installation that a repository is open to."""
        self.doors.as_app(request)
        found = self.doors.meant(request)
        installed = self.world.installation_of(found) if found is not None else None
        if installed is None:
            raise Said(404, "Not Found")
        return web.json_response(payloads.installation(self.world, installed))

    async def mint(self, request: web.Request) -> web.Response:
        """Give out a token, for no more than the installation may."""
        self.doors.as_app(request)
        installation = self.world.installations.get(int(request.match_info["id"]))
        if installation is None:
            raise Said(404, "Not Found")
        if installation.suspended:
            raise Said(403, "This installation has been suspended")
        asked: dict[str, Any] = await said_of(request) if request.can_read_body else {}
        ids = asked.get("repository_ids")
        if ids is not None and not set(ids) <= installation.repositories:
            raise Said(
                422,
                "There is at least one repository that does not exist or is not accessible to "
                "the parent installation.",
            )
        permissions = asked.get("permissions") or dict(installation.permissions)
        for name, level in permissions.items():
            if LEVELS.get(installation.permissions.get(name, ""), 0) < LEVELS[level]:
                raise Said(422, "The permissions requested are not granted to this installation.")
        self.minted += 1
        named = None if ids is None else frozenset(ids)
        token = self.world.grant(installation, named, permissions)
        until = datetime.fromtimestamp(self.world.grants[token].until, UTC)
        return web.json_response(
            {
                "token": token,
                "expires_at": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "permissions": permissions,
                "repository_selection": "selected" if named else "all",
            },
            status=201,
        )
