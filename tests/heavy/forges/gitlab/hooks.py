"""Webhooks of projects, and system hooks, with what was sent to them.

https://docs.gitlab.com/api/project_webhooks/ and https://docs.gitlab.com/api/system_hooks/
"""

from datetime import UTC, datetime
from typing import Any

import msgspec
from aiohttp import web

from tests.heavy.forges.gitlab.doors import API, Doors, Said
from tests.heavy.forges.gitlab.paging import page_of
from tests.heavy.forges.gitlab.sending import Sent
from tests.heavy.forges.gitlab.state import MAINTAINER, Hook
from tests.heavy.forges.gitlab.world import World

FAMILIES = {  # of statuses, by their first digit; 0: nobody answered
    "successful": (2,),
    "client_failure": (4,),
    "server_failure": (5,),
    "trigger_failure": (0,),
}


class Hooks:
    """Answers under ``/projects/:id/hooks`` and ``/hooks``."""

    def __init__(self, world: World, doors: Doors) -> None:
        self.world = world
        self.doors = doors

    def routes(self) -> list[web.RouteDef]:
        """Return what it answers."""
        start = f"{API}/projects/{{id}}/hooks"
        return [
            web.get(f"{API}/hooks", self.system),
            web.get(start, self.all),
            web.get(f"{start}/{{hook:\\d+}}", self.show),
            web.get(f"{start}/{{hook:\\d+}}/events", self.events),
            web.post(f"{start}/{{hook:\\d+}}/events/{{event:\\d+}}/resend", self.resend),
        ]

    async def system(self, request: web.Request) -> web.Response:
        """Return the system hooks, to administrators."""
        if not self.doors.enter(request).admin:
            raise Said(403, "403 Forbidden")
        hooks = self.world.hooks.values()
        found = [each for each in hooks if each.project is None and each.group is None]
        return page_of(request, [self._shown(each) for each in found])

    async def all(self, request: web.Request) -> web.Response:
        """Return the project's webhooks."""
        project = self.doors.project(request, MAINTAINER)
        found = [each for each in self.world.hooks.values() if each.project == project.id]
        return page_of(request, [self._shown(each) for each in found])

    async def show(self, request: web.Request) -> web.Response:
        """Return one."""
        return web.json_response(self._shown(self._hook(request)))

    async def events(self, request: web.Request) -> web.Response:
        """Return what was sent to it in the last week, newest first, of one status if asked."""
        hook, status = self._hook(request), request.query.get("status", "")
        if status and not status.isdigit() and status not in FAMILIES:
            raise Said(400, "", error="status does not have a valid value")
        sent = [
            each
            for each in reversed(self.world.sender.sent)
            if each.hook is hook and _is(each.status or 0, status)
        ]
        return page_of(request, [_shown(each) for each in sent])

    async def resend(self, request: web.Request) -> web.Response:
        """Send one again."""
        hook, event = self._hook(request), int(request.match_info["event"])
        sent = [e for e in self.world.sender.sent if e.hook is hook and e.id == event]
        if not sent:
            raise Said(404, "404 Not Found")
        again = await self.world.sender.now(sent[0])
        return web.json_response({"response_status": again.status}, status=201)

    def _hook(self, request: web.Request) -> Hook:
        project = self.doors.project(request, MAINTAINER)
        hook = self.world.hooks.get(int(request.match_info["hook"]))
        if hook is None or hook.project != project.id:
            raise Said(404, "404 Not found")
        return hook

    def _shown(self, hook: Hook) -> dict[str, Any]:
        """Return it; its token is never shown."""
        resting = datetime.fromtimestamp(hook.disabled_until, UTC).isoformat()
        return {
            "id": hook.id,
            "url": hook.url,
            "name": "",
            "description": "",
            "project_id": hook.project,
            "push_events": "push" in hook.events,
            "tag_push_events": "tag_push" in hook.events,
            "merge_requests_events": "merge_request" in hook.events,
            "enable_ssl_verification": True,
            "created_at": datetime.fromtimestamp(hook.created, UTC).isoformat(),
            "alert_status": self.world.sender.state_of(hook),
            "disabled_until": resting if hook.disabled_until else None,
            "url_variables": [],
        }


def _is(status: int, wanted: str) -> bool:
    if wanted.isdigit():
        return status == int(wanted)
    return not wanted or status // 100 in FAMILIES[wanted]


def _shown(sent: Sent) -> dict[str, Any]:
    hidden = {name: "[REDACTED]" for name in ("X-Gitlab-Token",) if name in sent.headers}
    return {
        "id": sent.id,
        "url": sent.hook.url,
        "trigger": sent.event.lower().replace(" hook", "_hooks").replace(" ", "_"),
        "request_headers": sent.headers | hidden,
        "request_data": msgspec.json.decode(sent.body),
        "response_headers": {},
        "response_body": "",
        "execution_duration": 0.1,
        "response_status": str(sent.status or "internal error"),
    }
