"""Secrets, namespaces, logs and info of the gateway that tests play."""

import asyncio
import base64
import json
from datetime import UTC, datetime

from aiohttp import web

from tests.heavy.gateway import rules
from tests.heavy.gateway.rules import refuse
from tests.heavy.gateway.server import Server

LOOK = 0.02  # seconds between two looks for new lines


class More:
    """All routes of /system that are not about deploying."""

    def __init__(self, server: Server) -> None:
        self.server, self.gateway = server, server.gateway

    async def info(self, request: web.Request) -> web.Response:
        """GET /system/info."""
        del request
        provider = {"provider": "played", "orchestration": "none", "version": {"release": "0.1"}}
        version = {"release": "0.27", "sha": "0" * 40, "commit_message": "x"}
        return web.json_response({"provider": provider, "version": version, "arch": "x86_64"})

    async def namespaces(self, request: web.Request) -> web.Response:
        """GET /system/namespaces."""
        del request
        return web.json_response(sorted(self.gateway.namespaces))

    async def secrets(self, request: web.Request) -> web.Response:
        """GET /system/secrets: names, never values."""
        where = self.server.namespace(request)
        names = [name for place, name in self.gateway.kept if place == where]
        return web.json_response([{"name": name, "namespace": where} for name in names])

    async def set_secret(self, request: web.Request) -> web.Response:
        """POST and PUT /system/secrets; faasd writes whatever the verb."""
        body = await request.json()
        if faults := rules.secret(body, value=True):
            self.server.fault(request, *faults)
            refuse(400, faults[0])
        place = (self.server.namespace(request, body), body["name"])
        if (
            self.gateway.style == "netes"
            and request.method == "PUT"
            and place not in self.gateway.kept
        ):
            refuse(404, "")
        if (
            self.gateway.style == "netes"
            and request.method == "POST"
            and place in self.gateway.kept
        ):
            refuse(409, "")
        raw = base64.b64decode(body.get("rawValue", ""))
        self.gateway.kept[place] = raw or body.get("value", "").encode()
        return web.Response(status=self.server.done)

    async def delete_secret(self, request: web.Request) -> web.Response:
        """DELETE /system/secrets."""
        body = await request.json()
        if faults := rules.secret(body, value=False):
            self.server.fault(request, *faults)
            refuse(400, faults[0])
        place = (self.server.namespace(request, body), body["name"])
        if self.gateway.kept.pop(place, None) is None:
            refuse(404, "")
        return web.Response(status=self.server.done)

    async def logs(self, request: web.Request) -> web.StreamResponse:
        """GET /system/logs: ndjson; ``since`` counts whole seconds, as both servers have it."""
        query = request.query
        try:
            tail = int(query.get("tail", "0"))
            since = datetime.fromisoformat(query["since"]) if "since" in query else None
        except ValueError:
            return web.Response(status=422, text="could not parse the log request")
        if since and (datetime.now(UTC) - since).total_seconds() < 1:
            return web.Response(status=500, text="function log request failed")
        if not query.get("name") or set(query) - {
            *("name", "namespace", "instance", "tail", "follow", "since"),
        }:
            self.server.fault(request, "an unknown or missing parameter")
        place = f"{self.server.namespace(request)}/{query.get('name')}"
        self.gateway.following += 1
        try:
            return await self.stream(request, place, since, tail)
        finally:
            self.gateway.following -= 1

    async def stream(
        self, request: web.Request, place: str, since: datetime | None, tail: int
    ) -> web.StreamResponse:
        """Write lines as they come, until the time is up or nobody listens."""
        answer = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await answer.prepare(request)
        seen = 0
        end = asyncio.get_running_loop().time() + self.gateway.follow_seconds
        while request.transport is not None and not request.transport.is_closing():
            printed = self.gateway.printed[seen:]
            seen += len(printed)
            lines = [line for where, line in printed if where == place and _from(line, since)]
            for line in lines[-tail:] if tail else lines:
                await answer.write(json.dumps(line).encode() + b"\n")
            tail = 0
            if request.query.get("follow") != "true" or asyncio.get_running_loop().time() > end:
                break
            await asyncio.sleep(LOOK)
        return answer


def _from(line: dict[str, str], since: datetime | None) -> bool:
    if since is None:
        return True
    return datetime.fromisoformat(line["timestamp"]) >= since.replace(microsecond=0)
