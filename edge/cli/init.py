"""`pushline init`: make the log on its servers, once, and bring it up to date."""

import asyncio
import sys
from typing import Annotated

from cyclopts import Parameter

from bus import permissions, streams
from bus.settings import BusSettings
from edge.cli import apart, home, logs, process, settings
from edge.cli.workers import DURABLE


def init(
    *,
    nats_conf: Annotated[
        bool, Parameter(negative=(), help="Print the users of the servers' configuration, only.")
    ] = False,
) -> int:
    """Make the streams of a log apart, or bring them and each consumer's place up to date.

    Run it before all else, and again with each new release. It makes no log where one is known
    to have been: that would destroy what may still be saved.
    """
    if nats_conf:
        sys.stdout.write(permissions.configuration())
        return process.OK
    return process.guarded(_run)


def _run() -> int:
    chosen, warnings, environ = settings.current()
    logs.configure("init", level=chosen.log_level, format=chosen.log_format)
    for warning in warnings:
        sys.stderr.write(f"warning: {warning}\n")
    place = home.prepare(settings.home_of(chosen, environ))
    bus = apart.log_of(chosen, "init", place.path)
    new = streams.is_new(bus)
    asyncio.run(_made(bus))
    done = "is new in this home" if new else "is up to date"
    print(f"the log at {bus.nats_url} {done}: {', '.join(streams.SHARES)}")
    print(f"consumers: {', '.join(worker.durable for worker in DURABLE)}")
    return process.OK


async def _made(bus: BusSettings) -> None:
    await streams.init(bus)
    await streams.ensure(bus, DURABLE)
