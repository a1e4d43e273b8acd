"""Pytest plugin: a GitLab on loopback, played strictly, with real git and real webhooks.

The fixture ``gitlab_api`` yields one; at the end of a test any complaint about its client fails
it. ``played_gitlab(root, seed)`` is the same for everything that is no test.
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

from tests.heavy.forges.gitlab.account import Account
from tests.heavy.forges.gitlab.comments import Comments
from tests.heavy.forges.gitlab.doors import Doors
from tests.heavy.forges.gitlab.events import Events
from tests.heavy.forges.gitlab.hooks import Hooks
from tests.heavy.forges.gitlab.merges import Merges
from tests.heavy.forges.gitlab.projects import Projects
from tests.heavy.forges.gitlab.sending import Sender
from tests.heavy.forges.gitlab.statuses import Statuses
from tests.heavy.forges.gitlab.world import World


class Area(Protocol):
    """A part of the API, made of the world and its doors."""

    def __init__(self, world: World, doors: Doors) -> None: ...

    def routes(self) -> list[web.RouteDef]:
        """Return what it answers; the first route that fits counts."""
        ...


AREAS: tuple[type[Area], ...] = (Account, Comments, Events, Merges, Hooks, Statuses, Projects)


class Played:
    """A GitLab that runs: its world, its doors, and its areas by their class's name."""

    def __init__(self, root: Path, seed: int, loop: asyncio.AbstractEventLoop) -> None:
        self.world = World(root, seed)
        self.world.sender = Sender(self.world, loop)
        self.doors = Doors(self.world)
        self.areas = {area.__name__: area(self.world, self.doors) for area in AREAS}

    @property
    def url(self) -> str:
        """Return its address, as PUSHLINE_GITLAB_URL has it."""
        return self.world.url

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
def played_gitlab(root: Path, seed: int = 0) -> Iterator[Played]:
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
def gitlab_api(tmp_path: Path) -> Iterator[Played]:
    """Yield a GitLab without accounts; PUSHLINE_SEED repeats another run's weather."""
    seed = int(os.environ.get("PUSHLINE_SEED", "1"))
    sys.stdout.write(f"GitLab's weather: PUSHLINE_SEED={seed}\n")
    with played_gitlab(tmp_path / "gitlab", seed) as played:
        yield played
        assert not played.world.complaints, played.world.complaints
