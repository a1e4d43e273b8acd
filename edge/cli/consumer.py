"""`pushline consumer NAME…`: some consumers, in a process of their own."""

import asyncio
import contextlib
import sys
from typing import Annotated

from cyclopts import Parameter

from bus import durables
from bus.connection import Bus, connect
from edge.cli import apart, process, settings, workers
from edge.cli.adapters import Adapters
from edge.cli.health import Health
from edge.cli.listen import metrics_of
from edge.cli.platform_settings import PlatformSettings
from edge.cli.serve import Site, work
from schemas.errors import DurableMissing, SettingInvalid


def consumer(*names: Annotated[str, Parameter(help="Which.")]) -> int:
    """Run consumers against a log apart, until SIGTERM; what they hold is finished or given back.

    Each may run in several processes, the reconciler in one; of those that audit in one home one
    writes, and the others stand by. An exit code of 78 says that starting it again would not help.
    """
    return process.guarded(lambda: _run(names))


# The help is the docstring, and the names are a part of it.
consumer.__doc__ = f"{consumer.__doc__}\n    There are {', '.join(workers.CONSUMERS)}.\n"


def _run(names: tuple[str, ...]) -> int:
    chosen, warnings, environ = settings.current()
    for warning in warnings:
        sys.stderr.write(f"warning: {warning}\n")
    if not workers.named(names):
        raise SettingInvalid(
            "name at least one consumer", hint=f"there are {', '.join(workers.CONSUMERS)}"
        )
    told = apart.settings(chosen, environ, names)

    async def main(stopping: asyncio.Event) -> None:
        async with connect(told.bus, name="+".join(names)) as bus:
            await _consume(told, bus, names, stopping)

    return process.run("+".join(names), chosen, told.bus, main)


async def _consume(
    told: PlatformSettings, bus: Bus, names: tuple[str, ...], stopping: asyncio.Event
) -> None:
    await _durable(bus, names)
    async with contextlib.AsyncExitStack() as stack:
        health = Health(bus)
        consuming = health.watched(workers.make(Adapters(told, bus, stack), names))
        sites = []
        if (where := metrics_of(told.settings)) is not None:
            sites.append(Site(health, stack.enter_context(where)))
        await work(bus, consuming, stopping, *sites)


async def _durable(bus: Bus, names: tuple[str, ...]) -> None:
    """Raise DurableMissing before anything is done by halves."""
    for worker in workers.DURABLE:
        name = workers.OF.get(worker.durable, worker.durable)
        if name in names and await durables.live(bus.js, worker) is None:
            raise DurableMissing(
                f"the log has no place for the consumer {worker.durable}",
                hint="`pushline init` of this release makes it",
            )
