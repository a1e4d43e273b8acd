"""`pushline edge`: webhooks, git and the API, in a process of their own."""

import asyncio
import contextlib
import sys
from pathlib import Path

from bus.connection import connect
from consumers.secrets.desk import Desk
from edge.cli import apart, process, settings
from edge.cli.forward_auth import forward_auth
from edge.cli.health import Health
from edge.cli.listen import listener, metrics_of
from edge.cli.platform import application, auth_at, views_of
from edge.cli.platform_settings import PlatformSettings
from edge.cli.serve import Site, private_socket, work
from edge.cli.workers import Consumers


def edge() -> int:
    """Take webhooks and pushes and answer the API, against a log apart, until SIGTERM.

    The repositories pushed here lie in the home: one edge to a home. An exit code of 78 says
    that starting it again would not help.
    """
    return process.guarded(_run)


def _run() -> int:
    chosen, warnings, environ = settings.current()
    for warning in warnings:
        sys.stderr.write(f"warning: {warning}\n")
    told = apart.settings(chosen, environ)

    async def main(stopping: asyncio.Event) -> None:
        await _serve(told, stopping)

    return process.run("edge", chosen, told.bus, main)


async def _serve(told: PlatformSettings, stopping: asyncio.Event) -> None:
    where = apart.listening(told.settings)
    async with connect(told.bus, name="edge") as bus, contextlib.AsyncExitStack() as stack:
        views = views_of(told)
        desk = Desk.of(bus, told.keys, told.snapshots)
        auth = auth_at(told, bus)
        serving = application(told, bus, views, desk, auth, leaving=stopping.is_set)
        answering = await stack.enter_async_context(serving)
        if isinstance(where, Path):
            taken = private_socket(where)
        else:
            taken = listener(*where, "edge_listen")
        sites = [Site(answering, stack.enter_context(taken)), *forward_auth(told.settings, auth)]
        if (numbers := metrics_of(told.settings)) is not None:
            sites.append(Site(Health(bus), stack.enter_context(numbers)))
        folds = (*views.folds, desk.register, *auth.book.folds)
        await work(bus, Consumers({}, folds), stopping, *sites)
