"""Timer: record that a moment has come.

Reads   what the server says is due (TIMERS)
Writes  timer.fired/1
Calls   nobody
Twice   is harmless: the fact's id derives from timer and moment, and it is guarded by the
        timer's history. What is due and no longer wanted, or at another moment, is passed over:
        a function redeployed or removed meanwhile, a schedule that a killed server brought back
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Literal

import structlog

from bus.fold import Fold
from bus.log import EventLog, Guard
from bus.timers import Due
from consumers.timer.wanted import TIMEOUT, Wanted, key_of
from schemas import subjects
from schemas.events.timer import TimerFired
from schemas.ids import event_id

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Timekeeper:
    """A worker; ``bus/work`` calls ``handle``."""

    events: EventLog
    wanted: Fold[Wanted]
    timeout: timedelta  # after which a run that has not ended has failed
    places: int = 16
    durable: ClassVar[str] = "timer"
    reads: ClassVar = (Due,)
    begins: ClassVar[Literal["first", "now"]] = "first"

    def key(self, due: Due) -> str:
        """Return the timer."""
        return due.timer.subject

    async def handle(self, due: Due) -> None:
        """Record it, unless the log wants something else by now."""
        timer = due.timer
        await self.wanted.reached(await self.events.head())
        row = self.wanted.rows.get(key_of(*timer.key))
        if row is None or row.timer(self.timeout) != timer:
            log.info("timer_passed_over", timer=timer.subject, at=timer.at.isoformat())
            return
        fact = TimerFired(purpose=timer.purpose, about=timer.about, due=timer.at)
        await self.events.append(
            fact,
            of=row.of,
            id=event_id(self.durable, due.event_id, fact),
            actor=self.durable,
            name=row.name,
            run=timer.about if timer.purpose == TIMEOUT else "",
            guard=Guard(subjects.subject(row.of, fact), row.fired),
        )
