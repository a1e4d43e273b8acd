"""How a process of consumers says that it is well."""

import asyncio
from typing import Any

from bus.connection import Bus
from consumers import run as runner
from edge.cli.health import Health
from edge.cli.workers import Consumers


async def asked(health: Health, path: str) -> tuple[int, bytes]:
    """Return status and body of an answer."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    await health({"type": "http", "path": path}, receive, send)
    return sent[0]["status"], sent[1]["body"]


async def test_a_consumer_that_crashes_is_named_until_it_runs(bus: Bus) -> None:
    """While it waits to be started again the process is ill, and says who is missing."""
    running, stopping, tries = asyncio.Event(), asyncio.Event(), 0

    async def shaky(told: asyncio.Event) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OSError("gone")
        running.set()
        await told.wait()

    health = Health(bus)
    jobs = health.watched(Consumers({"shaky": shaky})).jobs
    before = await asked(health, "/healthz")
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(runner.run(jobs, stopping))
        await running.wait()
        during = await asked(health, "/healthz")
        stopping.set()

    assert before == (503, b"not running: shaky\n")
    assert during == (200, b"ok\n")
    assert tries == 2


async def test_there_is_nothing_else(bus: Bus) -> None:
    """Two paths, of which one is for Prometheus."""
    health = Health(bus)

    assert (await asked(health, "/metrics"))[1].count(b"# HELP pushline_") > 3
    assert (await asked(health, "/"))[0] == 404
