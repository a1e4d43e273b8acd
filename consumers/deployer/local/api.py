"""The supervisor's control API: HTTP on a Unix socket that only its user may open."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from consumers.deployer.local.control import Order, Refused
from schemas.errors import DeployFailed, PlatformUnavailable

if TYPE_CHECKING:
    from consumers.deployer.local.supervisor import Supervisor


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body), status=status, content_type="application/json"
    )


def application(supervisor: "Supervisor") -> web.Application:
    """Return the routes of the control API."""

    async def put(request: web.Request) -> web.Response:
        try:
            order = msgspec.json.decode(await request.read(), type=Order)
        except msgspec.DecodeError as error:
            return _json(Refused("order_invalid", str(error)), 400)
        try:
            return _json(await supervisor.deploy(order.revision, order.secrets))
        except DeployFailed as error:
            return _json(Refused(error.code, str(error)), 422)
        except PlatformUnavailable as error:
            return _json(Refused(error.code, str(error)), 503)

    async def get(_: web.Request) -> web.Response:
        return _json(supervisor.statuses())

    async def delete(request: web.Request) -> web.Response:
        supervisor.retire(request.match_info["name"])
        return web.Response(status=202)

    app = web.Application(client_max_size=4 * 1024 * 1024)
    app.add_routes(
        [
            web.put("/revisions", put),
            web.get("/revisions", get),
            web.delete("/revisions/{name}", delete),
        ]
    )
    return app


@contextlib.asynccontextmanager
async def served(supervisor: "Supervisor", socket: Path) -> AsyncIterator[None]:
    """Serve the API at ``socket`` for as long as the context lasts."""
    runner = web.AppRunner(application(supervisor), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    socket.unlink(missing_ok=True)
    try:
        await web.UnixSite(runner, str(socket)).start()
        socket.chmod(0o600)
        yield
    finally:
        await runner.cleanup()
        socket.unlink(missing_ok=True)
