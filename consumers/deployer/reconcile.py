"""Reconciler: what the platform runs becomes what the log says is live.

Reads   the fold of desired.py
Writes  nothing
Calls   a Platform
Twice   is harmless: it compares, and orders only what differs

It brings everything back after a restart of either side, and it retires: a revision that is
neither live nor about to be, after a grace in which routers switch and their requests end.

On a platform where a new revision takes the place of the old one, the live one is gone while the
new one waits for its fact: that is no reason to bring it back. Once the new one has failed it is.
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
from bus.log import EventLog
from consumers.deployer.decide import revision
from consumers.deployer.desired import Desired, desired
from consumers.deployer.platform import Platform, Revision
from schemas.envelope import Aggregate
from schemas.errors import EventMissing, PlatformUnavailable, PushlineError
from schemas.events.function import FunctionDeployed
from schemas.events.run import RunQueued
from schemas.stack_spec import FunctionSpec

GRACE: Final = 2.0  # seconds between the switch to a new revision and the end of the old one
FIRST_PAUSE: Final = 1.0  # seconds before a revision that does not come up is tried again
LONGEST_PAUSE: Final = 60.0

log = structlog.get_logger()


class Reconciler:
    """Compares and orders; ``rows`` are the fold's, ``clock`` counts seconds."""

    def __init__(
        self,
        rows: dict[str, Desired],
        events: EventLog,
        blobs: Blobs,
        platform: Platform,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rows = rows
        self.events = events
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
        missing = {
            key: row
            for key, row in live.items()
            if key not in running and not (row.pending and row.key(row.pending) in running)
        }
        for key, row in missing.items():
            if key not in self._starting and self._failing.get(key, (0.0, 0.0))[0] <= now:
                self._starting[key] = asyncio.create_task(self._bring_back(key, row))
        # What stands where a live one belongs goes when that is back, in its place or beside it.
        places = {row.key("") for row in missing.values()}
        unwanted = {
            key
            for key in running - live.keys() - pending
            if f"{key.rpartition('@')[0]}@" not in places
        }
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
            running = await self.platform.deploy(await self._order(row, fact))
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

    async def _order(self, row: Desired, fact: FunctionDeployed) -> Revision:
        run = Aggregate(row.of.forge, row.of.project, "run", fact.run)
        queued = await self.events.last(run, RunQueued)
        if queued is None:
            raise EventMissing(f"run {fact.run} was never queued")
        return revision(
            row.of,
            fact.revision,
            image=fact.image,
            reference=fact.reference,
            sha=fact.sha,
            queued=queued.fact,
            spec=msgspec.json.decode(await self.blobs.get(fact.spec), type=FunctionSpec),
            over=row.failed,
        )

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
    reconciler = Reconciler(fold.rows, bus.log, bus.blobs, platform)
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
                {changed, folding, stop},
                timeout=platform.every,
                return_when=asyncio.FIRST_COMPLETED,
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
