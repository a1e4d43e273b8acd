"""Setting: what the server is to tell of becomes what the log wants.

Reads   the fold of wanted.py
Writes  schedules (TIMERS)
Calls   nobody
Twice   is harmless: a timer set again is the same timer, at the same place

It compares at each start, and now and then: whatever was lost is set again. Runs are told of only
once they are a minute old, for most have ended by then.
"""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from bus.connection import Bus
from bus.fold import Fold
from bus.timers import Timer, Timers
from consumers.timer.wanted import TIMEOUT, Wanted
from schemas.errors import LogUnavailable

EACH: Final = 600.0  # seconds between two comparisons
SETTLED: Final = timedelta(minutes=1)  # age of a run that is likely to take longer

log = structlog.get_logger(__name__)


class Setter:
    """Sets and cancels; knows what the server has."""

    def __init__(self, timers: Timers, rows: dict[str, Wanted], timeout: timedelta) -> None:
        """Set ``rows``' timers; a run that has not ended after ``timeout`` has failed."""
        self.rows = rows
        self.changed: set[str] = set()  # keys of rows to look at
        self._timers = timers
        self._timeout = timeout
        self._set: dict[str, Timer] = {}  # by a row's key

    async def compare(self) -> None:
        """Bring all in step, whatever was set before; raises LogUnavailable."""
        there = await self._timers.list()
        due = await self._timers.list("due.>")
        self._set = {" ".join(timer.key): timer for timer in there.values()}
        for timer in due.values():  # told of, and not yet handled: not to be told again
            self._set.setdefault(" ".join(timer.key), timer)
        self.changed |= self._set.keys() | self.rows.keys()

    async def step(self, now: datetime) -> float:
        """Set and cancel what has changed; return the seconds until the next look."""
        late = EACH
        for key in list(self.changed):
            row = self.rows.get(key)
            timer = row.timer(self._timeout) if row else None
            if row and timer and (wait := _patience(row, timer, now)) > 0:
                late = min(late, wait)
                continue
            await self._bring(key, timer)
            self.changed.discard(key)
        return late

    async def _bring(self, key: str, timer: Timer | None) -> None:
        known = self._set.get(key)
        if timer is None:
            if known is not None:
                await self._timers.cancel(known)
                del self._set[key]
        elif timer != known:
            await self._timers.set(timer)
            self._set[key] = timer
            log.info("timer_set", timer=timer.subject, at=timer.at.isoformat())


def _patience(row: Wanted, timer: Timer, now: datetime) -> float:
    """Return the seconds until a timer is worth setting."""
    if row.purpose != TIMEOUT or timer.at - now <= SETTLED:
        return 0.0
    return (row.after + SETTLED - now).total_seconds()


async def keep_set(
    bus: Bus, fold: Fold[Wanted], timeout: timedelta, stopping: asyncio.Event
) -> None:
    """Keep server and log in step until told to stop; somebody else runs the fold."""
    news, setter = asyncio.Event(), Setter(bus.timers, fold.rows, timeout)

    def changed(key: str, *_: object) -> None:
        setter.changed.add(key)
        news.set()

    fold.changed.append(changed)
    stop = asyncio.create_task(stopping.wait())
    try:
        await fold.reached(await bus.log.head())
        compared = -EACH
        clock = asyncio.get_running_loop().time
        while not stop.done():
            setter.rows = fold.rows  # a snapshot puts another dictionary there
            news.clear()
            wait = 1.0
            try:
                if clock() - compared >= EACH:
                    await setter.compare()
                    compared = clock()
                wait = await setter.step(datetime.now(UTC))
            except LogUnavailable as error:
                log.info("timers_wait", why=error.message)
            await _any(stop, news, wait)
    finally:
        stop.cancel()
        with contextlib.suppress(ValueError):
            fold.changed.remove(changed)


async def _any(stop: "asyncio.Task[bool]", news: asyncio.Event, seconds: float) -> None:
    told = asyncio.create_task(news.wait())
    await asyncio.wait((told, stop), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
