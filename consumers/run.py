"""Any set of consumers as tasks of one process: kept running, stopped together."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, TypeAlias

import structlog

from bus.connection import Bus
from bus.work import Worker, work

log = structlog.get_logger(__name__)

FIRST_WAIT: Final = 0.1  # seconds before a crashed consumer is started again
LONGEST_WAIT: Final = 30.0
STEADY: Final = 60.0  # seconds after which a crash is no longer one of a row

Job: TypeAlias = Callable[[asyncio.Event], Awaitable[None]]  # returns once told to stop


def jobs(bus: Bus, workers: Iterable[Worker]) -> dict[str, Job]:
    """Return what runs each worker, by its durable's name."""

    def of(worker: Worker) -> Job:
        return lambda stopping: work(bus, worker, stopping)

    return {worker.durable: of(worker) for worker in workers}


async def run(consumers: Mapping[str, Job], stopping: asyncio.Event) -> None:
    """Run all of them until told to stop; returns when the last has finished what it held.

    One that crashes is started again, later and later; the others go on.
    """
    async with asyncio.TaskGroup() as group:
        for name, job in consumers.items():
            group.create_task(keep(name, job, stopping), name=name)


async def keep(name: str, job: Job, stopping: asyncio.Event) -> None:
    """Run one consumer until told to stop."""
    wait = FIRST_WAIT
    while not stopping.is_set():
        begun = time.monotonic()
        try:
            await job(stopping)
            if stopping.is_set():
                return
            log.error("consumer_returned", consumer=name)
        except Exception:  # whatever it was, the others have to go on
            log.exception("consumer_crashed", consumer=name)
        wait = FIRST_WAIT if time.monotonic() - begun > STEADY else wait
        await _pause(wait, stopping)
        wait = min(wait * 2, LONGEST_WAIT)


async def _pause(seconds: float, stopping: asyncio.Event) -> None:
    ended = asyncio.create_task(stopping.wait())
    await asyncio.wait((ended,), timeout=seconds)
    ended.cancel()
