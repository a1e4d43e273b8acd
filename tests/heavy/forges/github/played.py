"""Pytest plugin: a GitHub on loopback and an App of it, played strictly, with real git.

The fixture ``github_app`` yields one; at the end of a test any complaint about its client fails
it. ``played_github(root, seed)`` is the same for everything that is no test.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest
from aiohttp import web

from tests.heavy.forges.github.activity import Activities
from tests.heavy.forges.github.apps import Apps
from tests.heavy.forges.github.checks import Checks
from tests.heavy.forges.github.comments import Comments
from tests.heavy.forges.github.deliveries import Deliveries
from tests.heavy.forges.github.doors import Doors
from tests.heavy.forges.github.repositories import Repositories
from tests.heavy.forges.github.sending import Sender
from tests.heavy.forges.github.state import pem
from tests.heavy.forges.github.statuses import Statuses
from tests.heavy.forges.github.world import World


class Area(Protocol):
    """A part of the API, made of the world and its doors."""

    def __init__(self, world: World, doors: Doors) -> None: ...

    def routes(self) -> list[web.RouteDef]:
        """Return what it answers; the first route that fits counts."""
        ...


AREAS: tuple[type[Area], ...] = (
    Apps,
    Deliveries,
    Activities,
    Checks,
    Statuses,
    Comments,
    Repositories,
)


class Played:
    """A GitHub that runs: its world, its doors, and its areas by their class's name."""

    def __init__(self, root: Path, seed: int, loop: asyncio.AbstractEventLoop) -> None:
        self.world = World(root, seed)
        self.world.sender = Sender(self.world, loop)
        self.doors = Doors(self.world)
        self.areas = {area.__name__: area(self.world, self.doors) for area in AREAS}

    @property
    def url(self) -> str:
        """Return its address, as PUSHLINE_GITHUB_URL has it; the API is below /api/v3."""
        return self.world.url

    def settings(self) -> dict[str, str]:
        """Return what a Pushline is told of the App."""
        return {
            "PUSHLINE_GITHUB_URL": self.url,
            "PUSHLINE_GITHUB_APP_ID": str(self.world.app_id),
            "PUSHLINE_GITHUB_APP_KEY": pem(),
        }

    async def start(self) -> web.AppRunner:
        """Listen on a free port."""
        application = web.Application(
            middlewares=[self.doors.watched], client_max_size=16 * 1024 * 1024
        )
        for area in self.areas.values():
            application.add_routes(area.routes())
        runner = web.AppRunner(application, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.world.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    async def close(self, runner: web.AppRunner) -> None:
        """Stop."""
        if self.world.sender.session is not None:
            await self.world.sender.session.close()
        await runner.cleanup()


@contextmanager
def played_github(root: Path, seed: int = 0) -> Iterator[Played]:
    """Serve one in a thread and a loop of its own; ``seed`` is what its weather follows."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    played = Played(root, seed, loop)
    runner = asyncio.run_coroutine_threadsafe(played.start(), loop).result(10)
    try:
        yield played
    finally:
        asyncio.run_coroutine_threadsafe(played.close(runner), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture
def github_app(tmp_path: Path) -> Iterator[Played]:
    """Yield a GitHub without accounts; PUSHLINE_SEED repeats another run's weather."""
    seed = int(os.environ.get("PUSHLINE_SEED", "1"))
    sys.stdout.write(f"GitHub's weather: PUSHLINE_SEED={seed}\n")
    with played_github(tmp_path / "github", seed) as played:
        yield played
        assert not played.world.complaints, played.world.complaints
