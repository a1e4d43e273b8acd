"""The platform's process: ingest, git and API on one Unix socket, and all consumers as tasks."""

import asyncio
import contextlib
import functools
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import structlog
import uvicorn
import uvloop

from bus import streams
from bus.connection import Bus, connect
from consumers import run as consumers
from edge.api.access import Access
from edge.api.views import Views
from edge.cli import page, workers
from edge.cli.adapters import Adapters
from edge.cli.dispatch import Application, Dispatch, Later
from edge.cli.platform_settings import SOCKET, PlatformSettings
from edge.git.forge import GitForge
from edge.ingest import Gate, GitHubIngest, GitLabIngest

__all__ = ["PlatformSettings", "run"]

log = structlog.get_logger(__name__)

DRAIN: Final = 5  # seconds that requests have to end


class Server(uvicorn.Server):
    """uvicorn, that leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def run(settings: PlatformSettings) -> None:
    """Serve until SIGTERM; then let requests and handlers end."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main(settings))


async def _main(settings: PlatformSettings) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await streams.ensure(settings.init, workers.DURABLE)
    async with connect(settings.bus, name="platform") as bus:
        await _serve(settings, bus, stopping)


async def _serve(settings: PlatformSettings, bus: Bus, stopping: asyncio.Event) -> None:
    views = Views.make(settings.snapshots, settings.endpoint.function_url)
    async with contextlib.AsyncExitStack() as stack:
        consuming = workers.make(Adapters(settings, bus, stack))
        application = await stack.enter_async_context(_application(settings, bus, views))
        server = Server(_configuration(application))
        listener = stack.enter_context(_listener(settings.run / SOCKET))
        async with asyncio.TaskGroup() as group:
            # a fold that stops ends the process: whoever waits for it would wait for ever
            folding = [
                group.create_task(fold.run(bus.follow), name=fold.name)
                for fold in (*views.folds, *consuming.folds)
            ]
            working = group.create_task(consumers.run(consuming.jobs, stopping), name="consumers")
            group.create_task(_end(server, stopping), name="end")
            await server.serve(sockets=[listener])
            stopping.set()  # also when it ended by itself
            await working
            for task in folding:
                task.cancel()
    log.info("platform_stopped")


async def _end(server: Server, stopping: asyncio.Event) -> None:
    await stopping.wait()
    server.should_exit = True


@contextlib.asynccontextmanager
async def _application(
    settings: PlatformSettings, bus: Bus, views: Views
) -> AsyncIterator[Dispatch]:
    """Yield all that answers requests."""
    at, chosen, gate = settings.endpoint, settings.settings, Gate()
    access = Access.of(at.root_domain, at.token, (at.host,))
    forge = GitForge(
        settings.home / "git",
        deliveries=bus.deliveries,
        events=bus.log,
        follow=bus.follow.events,
        allowed=access.user,
        url=at.function_url,
    )
    await forge.reconcile()
    api = Later(functools.partial(_api, views, bus, at.version))
    try:
        yield Dispatch(
            access=access,
            webhooks={
                "/github-event": GitHubIngest(
                    bus.deliveries,
                    secret=chosen.github_webhook_secret,
                    sha1=chosen.github_webhook_sha1,
                    gate=gate,
                ),
                "/gitlab-event": GitLabIngest(
                    bus.deliveries,
                    token=chosen.gitlab_webhook_token,
                    signing=chosen.gitlab_signing_token,
                    gate=gate,
                ),
            },
            git=forge,
            api=api,
            front=page.front(at),
        )
    finally:
        api.cancel()
        await forge.close()


def _api(views: Views, bus: Bus, version: str) -> Application:
    from edge.api.app import create  # a third of the time until this process serves

    return create(views, bus.lines, version=version)


def _listener(path: Path) -> socket.socket:
    """Return a socket that only our user reaches; functions may be another."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(0o600)
    return listener


def _configuration(application: Dispatch) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN,
    )
