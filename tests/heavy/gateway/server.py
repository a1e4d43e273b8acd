"""The HTTP side of the gateway that tests play: routes, checks, weather."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from aiohttp import web

from tests.heavy.gateway.played import Call, Gateway
from tests.heavy.gateway.rules import Refusal, refuse

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
HTML = "<!doctype html><title>Welcome to nginx!</title>"


class Server:
    """Answers for one Gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    @property
    def done(self) -> int:
        """Return the status of what was done."""
        return 202 if self.gateway.style == "netes" else 200

    async def system(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check who asks, record what is asked, and play the weather."""
        gateway, weather = self.gateway, self.gateway.weather
        raw = await request.read()
        body = self.parsed(request, raw)
        gateway.calls.append(Call(request.method, request.path, dict(request.query), body))
        await asyncio.sleep(weather.slow)
        given = request.headers.get("Authorization", "")
        wanted = base64.b64encode(f"{gateway.user}:{gateway.password}".encode()).decode()
        if given != f"Basic {wanted}":
            challenge = {"WWW-Authenticate": 'Basic realm="Restricted"'}
            return web.Response(status=401, text="invalid credentials", headers=challenge)
        if f"{request.method} {request.path}".startswith(weather.only) and weather.times:
            if weather.status or weather.lie:
                weather.times -= 1
            if weather.status:
                return web.Response(status=weather.status, text="the weather is bad")
            if weather.lie:
                return await self.lie(request, weather.lie)
        try:
            return await handler(request)
        except Refusal as refusal:
            return web.Response(status=refusal.status, text=refusal.text)

    def parsed(self, request: web.Request, raw: bytes) -> Any:
        """Return a body's JSON; a GET has none, everything else has, and says so."""
        if not raw:
            return None
        if request.method == "GET":
            self.fault(request, "a GET with a body")
        if request.content_type != "application/json":
            self.fault(request, f"a body of type {request.content_type}")
        try:
            return json.loads(raw)
        except ValueError:
            self.fault(request, "a body that is no JSON")
            return None

    def fault(self, request: web.Request, *faults: str) -> None:
        """Note what no correct client does."""
        where = f"{request.method} {request.path_qs}"
        self.gateway.faults += [f"{where}: {fault}" for fault in faults]

    async def lie(self, request: web.Request, how: str) -> web.StreamResponse:
        """Answer as no gateway should."""
        match how:
            case "html":
                return web.Response(text=HTML, content_type="text/html")
            case "shape":
                return web.json_response({"name": ["wrong"], "functions": 7})
            case "swallow":
                return web.Response()
            case "redirect":
                return web.Response(status=307, headers={"Location": "http://127.0.0.1:1/x"})
            case "cut":
                cut = web.StreamResponse(headers={"Content-Length": "1000"})
                await cut.prepare(request)
                await cut.write(b'[{"name":"')
                assert request.transport
                request.transport.abort()
                return cut
            case _:
                huge = web.StreamResponse(headers={"Content-Type": "application/json"})
                await huge.prepare(request)
                piece = b'[{"name":"' + b"x" * (1 << 20)
                for _ in range(200):
                    await huge.write(piece)
                return huge

    def namespace(self, request: web.Request, body: Any = None) -> str:
        """Return the namespace asked for, checked; query and body must agree."""
        said = {request.query.get("namespace", ""), (body or {}).get("namespace", "")} - {""}
        if len(said) > 1:
            self.fault(request, f"two namespaces: {said}")
        chosen = said.pop() if said else self.gateway.default
        if chosen not in self.gateway.namespaces:
            refuse(400, "namespace not valid")
        return chosen


def application(gateway: Gateway) -> web.Application:
    """Return the gateway's routes."""
    from tests.heavy.gateway.calls import Calls
    from tests.heavy.gateway.functions import Functions
    from tests.heavy.gateway.more import More

    server = Server(gateway)
    functions, more, calls = Functions(server), More(server), Calls(gateway)
    app = web.Application(client_max_size=4 << 20)
    routes: dict[str, Handler] = {
        "GET /system/functions": functions.list,
        "POST /system/functions": functions.deploy,
        "PUT /system/functions": functions.deploy,
        "DELETE /system/functions": functions.delete,
        "GET /system/function/{name:[-a-zA-Z_0-9.]+}": functions.one,
        "POST /system/scale-function/{name:[-a-zA-Z_0-9.]+}": functions.scale,
        "GET /system/info": more.info,
        "GET /system/secrets": more.secrets,
        "POST /system/secrets": more.set_secret,
        "PUT /system/secrets": more.set_secret,
        "DELETE /system/secrets": more.delete_secret,
        "GET /system/namespaces": more.namespaces,
        "GET /system/logs": more.logs,
    }
    for route, handler in routes.items():
        verb, path = route.split()
        app.router.add_route(verb, path, partial(server.system, handler=handler))
    app.router.add_route("*", "/function/{name:[-a-zA-Z_0-9.]+}{rest:.*}", calls.call)
    app.on_cleanup.append(calls.close)
    app.on_cleanup.append(functions.close)
    return app
