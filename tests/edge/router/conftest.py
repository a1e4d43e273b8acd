"""A router in this process, on the loop that it runs on in production."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from edge.router.main import serving
from edge.router.router import Router
from edge.router.routes import Route
from edge.router.settings import RouterSettings
from schemas.route import RouteOptions
from tests.edge.router.wire import Upstream, echo, upstream

PLAIN = RouteOptions()
Start = Callable[..., AbstractAsyncContextManager["Running"]]


class Running:
    """A router that takes connections, and the folder of its sockets."""

    def __init__(self, router: Router, port: int, run: Path) -> None:
        """Keep what tests look at."""
        self.router = router
        self.port = port
        self.run = run

    def route(
        self,
        function: str,
        upstream: str,
        *more: str,
        label: str = "alice",
        options: RouteOptions = PLAIN,
    ) -> None:
        """Route a production function of a tenant, to one upstream or several."""
        key = f"{label}/production/{function}"
        row = Route(label, "production", function, upstream, upstream, more, options)
        self.router.table.apply(key, row)


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run these tests on uvloop: its transports differ from asyncio's where it matters."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
def run() -> Iterator[Path]:
    """Yield a folder whose name is short enough for Unix sockets."""
    with tempfile.TemporaryDirectory(prefix="pl-") as folder:
        yield Path(folder)


@pytest.fixture
def start(run: Path) -> Start:
    """Return what starts a router with chosen settings."""

    @asynccontextmanager
    async def started(**settings: object) -> AsyncIterator[Running]:
        plain: dict[str, object] = {
            "home": run,
            "run": run,
            "listen_port": 0,
            "access_log": run / "access.log",
            "drain_timeout": 0.2,
        }
        chosen = RouterSettings(**(plain | settings))  # type: ignore[arg-type]
        async with serving(chosen) as (router, port):
            yield Running(router, port, run)

    return started


@pytest.fixture
async def router(start: Start) -> AsyncIterator[Running]:
    """Yield a router with default settings."""
    async with start() as running:
        yield running


@pytest.fixture
async def hello(router: Running) -> AsyncIterator[Upstream]:
    """Yield the upstream of alice's function ``hello``, which echoes."""
    async with upstream(router.run / "fn-1.sock", echo) as served:
        router.route("hello", "unix:fn-1.sock")
        yield served
