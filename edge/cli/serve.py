"""One process at work: folds that may not stop, consumers that may, and who answers requests."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn

from bus.connection import Bus
from consumers import run as consumers
from edge.cli.dispatch import Application
from edge.cli.workers import Consumers

DRAIN: Final = 5  # seconds that requests have to end


@dataclass(frozen=True, slots=True)
class Site:
    """Who answers requests, and where they come in."""

    application: Application
    listener: socket.socket

    def server(self) -> uvicorn.Server:
        """Return what serves it."""
        configuration = uvicorn.Config(
            self.application,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=DRAIN,
        )
        return _Server(configuration)


class _Server(uvicorn.Server):
    """uvicorn, that leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def told_to_stop() -> asyncio.Event:
    """Return what SIGTERM and SIGINT set; for the process's main task."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


def forewarned(stopping: asyncio.Event) -> Callable[[], bool]:
    """Return what tells whether we are about to stop: SIGUSR1 said so, or we are told to."""
    near = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, near.set)
    return lambda: near.is_set() or stopping.is_set()


async def work(bus: Bus, consuming: Consumers, stopping: asyncio.Event, *sites: Site) -> None:
    """Work until told to stop; then let requests and handlers end, and the folds last."""
    async with asyncio.TaskGroup() as group:
        # a fold that stops ends the process: whoever waits for it would wait for ever
        folding = [
            group.create_task(fold.run(bus.follow), name=fold.name) for fold in consuming.folds
        ]
        working = group.create_task(consumers.run(consuming.jobs, stopping), name="consumers")
        serving = [group.create_task(_serve(site, stopping), name="site") for site in sites]
        await working
        for site in serving:
            await site
        for task in folding:
            task.cancel()


async def _serve(site: Site, stopping: asyncio.Event) -> None:
    server = site.server()
    ending = asyncio.create_task(_end(server, stopping), name="end")
    await server.serve(sockets=[site.listener])
    stopping.set()  # also when it ended by itself
    await ending


async def _end(server: uvicorn.Server, stopping: asyncio.Event) -> None:
    await stopping.wait()
    server.should_exit = True


def private_socket(path: Path) -> socket.socket:
    """Return a socket that only our user reaches; functions may be another."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(0o600)
    return listener
