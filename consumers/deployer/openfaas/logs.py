"""Function logs: what functions behind a gateway print, on its way to LOGS as it is printed.

Reads   the fold of desired.py; the gateway's log of each live function, followed
Writes  LOGS
Twice   one process at a time, as the reconciler: two would write each line twice. A restart goes
        on where LOGS ends
"""

import asyncio
from collections import deque
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from bus.allowance import Allowance
from bus.connection import Bus
from bus.lines import Lines
from consumers.deployer.desired import Desired, desired
from consumers.deployer.openfaas.client import Gateway
from consumers.deployer.openfaas.ready import printable
from consumers.deployer.openfaas.seen import Seen
from schemas import subjects
from schemas.errors import DeployFailed, LogUnavailable, PlatformUnavailable

EVERY: Final = 0.2  # seconds that lines are gathered before they are written
KEPT: Final = 2000  # lines at hand; then the gateway waits
SILENCE: Final = 600.0  # seconds after which a connection without a line is made anew
LOOK: Final = 10.0  # seconds after which a follower that has ended is noticed at the latest
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
EARLIER: Final = timedelta(seconds=2)  # our clock and the gateway's

log = structlog.get_logger()


class Follower:
    """Follows one function through its revisions."""

    def __init__(self, gateway: Gateway, lines: Lines, row: Desired, allowance: Allowance) -> None:
        """Follow the function of ``row``; ``row`` may be changed to a later one."""
        self.gateway = gateway
        self.lines = lines
        self.allowance = allowance
        self.row = row
        self._gathered: deque[str] = deque()
        self._room = asyncio.Event()

    @property
    def subject(self) -> str:
        """Return where the live revision's lines belong."""
        of, live = self.row.of, self.row.live
        revision = "" if live is None else live.revision
        return subjects.function_log(of.forge, of.project, of.id, revision)

    async def run(self) -> None:
        """Follow until cancelled."""
        seen = Seen(await self._begin())
        async with asyncio.TaskGroup() as group:
            group.create_task(self._write())
            pause = FIRST_PAUSE
            while True:
                before = seen.since
                await self._read(seen)
                seen.interrupted()
                pause = FIRST_PAUSE if seen.since > before else min(pause * 2, LONGEST_PAUSE)
                await asyncio.sleep(pause)

    async def _begin(self) -> datetime:
        """Return when the last line in LOGS was written, else when the function was deployed."""
        while True:
            with suppress(LogUnavailable):
                newest = await self.lines.newest(self.subject)
                break
            await asyncio.sleep(LONGEST_PAUSE)
        if newest is not None:
            return newest
        started = timedelta(milliseconds=self.row.live.start_ms if self.row.live else 0)
        return (self.row.since or datetime.now(UTC)) - started - EARLIER

    async def _read(self, seen: Seen) -> None:
        """Take lines until the gateway ends its answer."""
        service, namespace = called_in(self.row)
        # Kubernetes refuses a time that is less than a second ago.
        since = min(seen.since, datetime.now(UTC) - EARLIER)
        reading = self.gateway.logs(service, namespace, since=since, follow=True, silence=SILENCE)
        try:
            async with aclosing(reading) as lines:
                async for line in lines:
                    if seen.new(line):
                        self._gathered.append(printable(line.text))
                        if len(self._gathered) >= KEPT:
                            self._room.clear()
                            await self._room.wait()
        except (PlatformUnavailable, DeployFailed) as error:  # scaled to nothing, it has no log
            log.debug("function_log_interrupted", service=service, why=error.message)

    async def _write(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            if self._gathered:
                batch = list(self._gathered)
                with suppress(LogUnavailable):  # then they are at hand still
                    whose = self.row.live.label if self.row.live else ""
                    await self.allowance.write(self.lines, whose, self.subject, batch)
                    for _ in batch:
                        self._gathered.popleft()
            if len(self._gathered) < KEPT:
                self._room.set()


def called_in(row: Desired) -> tuple[str, str]:
    """Return service and namespace of a live function, as its upstream has them."""
    upstream = "" if row.live is None else row.live.upstream
    service, _, namespace = upstream.rpartition("/function/")[2].partition(".")
    return service, namespace


async def follow_logs(
    bus: Bus,
    gateway: Gateway,
    stopping: asyncio.Event,
    snapshots: Path | None = None,
    *,
    allowance: Allowance,
) -> None:
    """Follow every live function of the gateway until told to stop; raises what ended the fold."""
    fold = desired(snapshots, "followed")
    news = asyncio.Event()
    fold.changed.append(lambda *_: news.set())
    folding = asyncio.create_task(fold.run(bus.follow), name="followed")
    stop = asyncio.create_task(stopping.wait())
    followers: dict[str, tuple[Follower, asyncio.Task[None]]] = {}
    try:
        caught_up = asyncio.create_task(fold.reached(await bus.log.head()))
        await asyncio.wait({caught_up, folding, stop}, return_when=asyncio.FIRST_COMPLETED)
        caught_up.cancel()
        while not (stop.done() or folding.done()):
            news.clear()
            _bring(followers, fold.rows, gateway, bus.lines, allowance)
            changed = asyncio.create_task(news.wait())
            await asyncio.wait(
                {changed, folding, stop}, timeout=LOOK, return_when=asyncio.FIRST_COMPLETED
            )
            changed.cancel()
        if folding.done():
            folding.result()
    finally:
        tasks = [folding, stop, *(task for _, task in followers.values())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _bring(
    followers: dict[str, tuple[Follower, asyncio.Task[None]]],
    rows: dict[str, Desired],
    gateway: Gateway,
    lines: Lines,
    allowance: Allowance,
) -> None:
    """Have one follower for each live function at this gateway, and no other."""
    begins = f"{gateway.url}/function/"
    live = {
        f"{key} {row.live.upstream}": row
        for key, row in rows.items()
        if row.live is not None and row.live.upstream.startswith(begins)
    }
    for name in followers.keys() - live.keys():
        followers.pop(name)[1].cancel()
    for name, row in live.items():
        if name in followers and not followers[name][1].done():
            followers[name][0].row = row
        else:
            if name in followers and (error := followers[name][1].exception()):
                log.error("function_log_lost", function=name, exc_info=error)
            follower = Follower(gateway, lines, row, allowance)
            followers[name] = (follower, asyncio.create_task(follower.run(), name=f"log:{name}"))
