"""The router's process: listens from its snapshot first, then follows the log.

Nothing of the bus's client is imported before the port answers: that would cost more than all
the rest.
"""

import asyncio
import gc
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog
import uvloop

from edge import domains
from edge.router import routes
from edge.router.access import AccessLog
from edge.router.admin import answering
from edge.router.following import Following
from edge.router.router import Router
from edge.router.settings import RouterSettings

log = structlog.get_logger(__name__)

_BACKLOG: Final = 4096
_COLLECT_AFTER: Final = 50_000  # objects


def run(settings: RouterSettings) -> None:
    """Serve until SIGTERM, then let requests end; returns when the last one has."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main(settings))


async def _main(settings: RouterSettings) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stopping.set)
    async with serving(settings):
        await stopping.wait()


@asynccontextmanager
async def serving(settings: RouterSettings) -> AsyncIterator[tuple[Router, int]]:
    """Yield the router and its port while it takes connections; drain it at the end."""
    fold = routes.fold(settings.home / "snapshots")
    mapped = domains.fold(settings.home / "snapshots")
    fold.load()
    mapped.load()
    access = AccessLog(settings.access_log, every=settings.access_log_every)
    router = Router(settings, access)
    router.doorkeeper.load()
    router.table.load(fold.rows, mapped.rows)
    fold.changed.append(lambda key, row, _: router.table.apply(key, row))
    mapped.changed.append(lambda host, row, _: router.table.map(host, row))
    following = Following(settings, (fold, mapped), router.meter, router.doorkeeper)
    listener = _listener(settings)
    port: int = listener.getsockname()[1]
    server = await router.loop.create_server(router.front, sock=listener, backlog=_BACKLOG)
    _announce(settings.ready_fd, port)
    usual = gc.get_threshold()
    gc.freeze()  # what is there now stays: no collection has to look at it again
    gc.set_threshold(_COLLECT_AFTER, *usual[1:])  # cycles are cut by hand; caches are no garbage
    log.info("router_listening", port=port, functions=len(router.table), seq=fold.seq)
    try:
        async with answering(router), asyncio.TaskGroup() as group:
            tasks = [group.create_task(router.sweep())]
            tasks.append(group.create_task(router.doorkeeper.prepare()))
            if settings.nats_url:
                tasks.append(group.create_task(following.run()))
            yield router, port
            await _take_the_last(router, listener)
            server.close()
            await router.drain()
            await following.end()
            for task in tasks:
                task.cancel()
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()
        server.close()
        await access.close()
        log.info("router_stopped", requests=router.counters.requests)


async def _take_the_last(router: Router, listener: socket.socket) -> None:
    """Take who has connected already: where the port is shared, closing would reset them."""
    with suppress(BlockingIOError):
        for _ in range(_BACKLOG):
            connection, _ = listener.accept()
            await router.loop.connect_accepted_socket(router.front, connection)


def _listener(settings: RouterSettings) -> socket.socket:
    if settings.listen_fd >= 0:
        return socket.socket(fileno=settings.listen_fd)
    family = socket.AF_INET6 if ":" in settings.listen_host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((settings.listen_host, settings.listen_port))
    return listener


def _announce(descriptor: int, port: int) -> None:
    """Tell the parent that connections are taken."""
    if descriptor >= 0:
        os.write(descriptor, b"%d\n" % port)
        os.close(descriptor)
