"""Reconciler: what the platform runs becomes what the log says is live.

Reads   the fold of desired.py
Writes  nothing
Calls   a Platform
Twice   is harmless: it compares, and orders only what differs

It brings everything back after a restart of either side, and it retires: a revision that is
neither live nor about to be, after a grace in which routers switch and their requests end.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import structlog

from bus.blobs import Blobs
from bus.connection import Bus
from consumers.deployer.decide import revision
from consumers.deployer.desired import Desired, desired
from consumers.deployer.platform import Platform
from schemas.errors import PlatformUnavailable, PushlineError
from schemas.stack_spec import FunctionSpec

GRACE: Final = 2.0  # seconds between the switch to a new revision and the end of the old one
EVERY: Final = 0.5  # seconds between two comparisons; a change is looked at once
FIRST_PAUSE: Final = 1.0  # seconds before a revision that does not come up is tried again
LONGEST_PAUSE: Final = 60.0

log = structlog.get_logger()


class Reconciler:
    """Compares and orders; ``rows`` are the fold's, ``clock`` counts seconds."""

    def __init__(
        self,
        rows: dict[str, Desired],
        blobs: Blobs,
        platform: Platform,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rows = rows
        self.blobs = blobs
        self.platform = platform
        self.clock = clock
        self._unwanted: dict[str, float] = {}  # key → since when
        self._failing: dict[str, tuple[float, float]] = {}  # key → not before, pause
        self._starting: dict[str, asyncio.Task[None]] = {}

    async def step(self) -> None:
        """Compare once; raises PlatformUnavailable."""
        running = await self.platform.running()
        live = {row.key(row.live.revision): row for row in self.rows.values() if row.live}
        pending = {row.key(row.pending) for row in self.rows.values() if row.pending}
        now = self.clock()
        self._starting = {key: task for key, task in self._starting.items() if not task.done()}
        for key in live.keys() - running:
            if key not in self._starting and self._failing.get(key, (0.0, 0.0))[0] <= now:
                self._starting[key] = asyncio.create_task(self._bring_back(key, live[key]))
        unwanted = running - live.keys() - pending
        self._unwanted = {key: self._unwanted.get(key, now) for key in unwanted}
        for key, since in self._unwanted.items():
            if now - since >= GRACE:
                log.info("revision_retired", key=key)
                await self.platform.retire(key)

    async def _bring_back(self, key: str, row: Desired) -> None:
        """Have a live revision run again; try again, later and later."""
        fact = row.live
        if fact is None:
            return
        try:
            spec = msgspec.json.decode(await self.blobs.get(fact.spec), type=FunctionSpec)
            order = revision(
                row.of,
                fact.revision,
                generation=fact.generation,
                image=fact.image,
                label=fact.label,
                spec=spec,
            )
            running = await self.platform.deploy(order)
        except PlatformUnavailable:
            return  # the next step finds it missing still
        except (PushlineError, msgspec.DecodeError) as error:
            _, pause = self._failing.get(key, (0.0, FIRST_PAUSE / 2))
            pause = min(pause * 2, LONGEST_PAUSE)
            self._failing[key] = (self.clock() + pause, pause)
            log.warning("revision_not_brought_back", key=key, why=str(error), again_in_s=pause)
        else:
            self._failing.pop(key, None)
            log.info("revision_brought_back", key=key, start_ms=running.start_ms)

    async def end(self) -> None:
        """Stop what is being started; the platform finishes it or not."""
        tasks = list(self._starting.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def reconcile(
    bus: Bus, platform: Platform, stopping: asyncio.Event, snapshots: Path | None = None
) -> None:
    """Keep platform and log in step until told to stop; raises what stopped the fold."""
    fold = desired(snapshots)
    news = asyncio.Event()
    fold.changed.append(lambda *_: news.set())
    folding = asyncio.create_task(fold.run(bus.follow), name="desired")
    stop = asyncio.create_task(stopping.wait())
    reconciler = Reconciler(fold.rows, bus.blobs, platform)
    try:
        caught_up = asyncio.create_task(fold.reached(await bus.log.head()))
        await asyncio.wait({caught_up, folding, stop}, return_when=asyncio.FIRST_COMPLETED)
        caught_up.cancel()
        while not (stop.done() or folding.done()):
            reconciler.rows = fold.rows  # a snapshot puts another dictionary there
            try:
                await reconciler.step()
            except PlatformUnavailable as error:
                log.info("platform_unavailable", why=error.message)
            news.clear()
            changed = asyncio.create_task(news.wait())
            await asyncio.wait(
                {changed, folding, stop}, timeout=EVERY, return_when=asyncio.FIRST_COMPLETED
            )
            changed.cancel()
        if folding.done():
            folding.result()
    finally:
        await reconciler.end()
        stop.cancel()
        folding.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await folding
