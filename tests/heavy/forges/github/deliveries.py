"""What the App's webhook was sent, with what came of it.

https://docs.github.com/rest/apps/webhooks
"""

from typing import Any

import msgspec
from aiohttp import web

from tests.heavy.forges.github.doors import Doors, Said
from tests.heavy.forges.github.payloads import moment
from tests.heavy.forges.github.sending import Sent
from tests.heavy.forges.github.world import World

KEPT = 3 * 24 * 3600  # seconds that GitHub remembers a delivery


class Deliveries:
    """Answers under ``/app/hook/deliveries``, to the App itself."""

    def __init__(self, world: World, doors: Doors) -> None:
        self.world = world
        self.doors = doors

    def routes(self) -> list[web.RouteDef]:
        """Return what it answers."""
        start = "/api/v3/app/hook/deliveries"
        return [
            web.get(start, self.all),
            web.get(f"{start}/{{id:\\d+}}", self.show),
            web.post(f"{start}/{{id:\\d+}}/attempts", self.again),
        ]

    async def all(self, request: web.Request) -> web.Response:
        """Return a page of them, newest first; the next one is had by its cursor alone."""
        self.doors.as_app(request)
        if "page" in request.query:
            self.world.complain("deliveries have no pages by number")
        size = max(1, min(int(request.query.get("per_page", "30")), 100))
        rows = sorted(self._kept(), key=lambda each: each.id, reverse=True)
        if cursor := request.query.get("cursor"):
            if not cursor.startswith("v1_"):
                raise Said(422, "Invalid cursor")
            rows = [each for each in rows if each.id < int(cursor.removeprefix("v1_"))]
        part, headers = rows[:size], {}
        if len(rows) > size:
            url = request.url.update_query(cursor=f"v1_{part[-1].id}")
            headers["Link"] = f'<{url}>; rel="next"'
        return web.json_response([_shown(each) for each in part], headers=headers)

    async def show(self, request: web.Request) -> web.Response:
        """Return one with what was sent."""
        sent = self._one(request)
        body = _shown(sent) | {
            "url": self.world.sender.url,
            "request": {"headers": sent.headers, "payload": msgspec.json.decode(sent.body)},
            "response": {"headers": {}, "payload": ""},
        }
        return web.json_response(body)

    async def again(self, request: web.Request) -> web.Response:
        """Send one again."""
        self.world.sender.again(self._one(request))
        return web.json_response({}, status=202)

    def _kept(self) -> list[Sent]:
        since = self.world.clock() - KEPT
        return [each for each in self.world.sender.sent if each.at >= since]

    def _one(self, request: web.Request) -> Sent:
        self.doors.as_app(request)
        id = int(request.match_info["id"])
        found = next((each for each in self._kept() if each.id == id), None)
        if found is None:
            raise Said(404, "Not Found")
        return found


def _shown(sent: Sent) -> dict[str, Any]:
    return {
        "id": sent.id,
        "guid": sent.guid,
        "delivered_at": moment(sent.at),
        "redelivery": sent.redelivery,
        "duration": 0.1,
        "status": "OK" if 200 <= sent.status < 300 else "failed to connect to host",
        "status_code": sent.status,
        "event": sent.event,
        "action": sent.action,
        "installation_id": sent.installation,
        "repository_id": sent.repository,
    }
