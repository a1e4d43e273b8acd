"""Calls: a scheduled function is called when its timer has fired.

Reads   timer.fired/1
Writes  timer.call-begun/1, timer.delivered/1
Calls   Functions: the function, as any caller, through a router
Twice   is harmless: that a call begins is recorded first, by one of all who try, and none begins a
        second time. A worker that dies while it calls leaves a call whose outcome nobody knows: it
        is recorded so, and the function is called at its next moment
"""

import secrets
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Literal, Protocol

import structlog

from bus import envelope
from bus.fold import Fold
from bus.log import EventLog, Guard
from bus.timers import Due
from consumers.timer.consumer import Timekeeper
from consumers.timer.wanted import CRON, Target, Wanted, key_of
from schemas import subjects
from schemas.envelope import Recorded
from schemas.errors import IdReused, Retry
from schemas.events import Event
from schemas.events.timer import TimerCallBegun, TimerDelivered, TimerFired
from schemas.ids import event_id

LIMIT: Final = timedelta(minutes=10)  # a call whose outcome is not recorded by then has none

log = structlog.get_logger(__name__)

Fired = Recorded[TimerFired]


class CallUnderWay(Retry):
    """A call has begun and has not ended: its worker may still be at it, or have died."""

    code = "call_under_way"
    patience = timedelta(hours=1)


class Functions(Protocol):
    """How functions are called: ``router.Router``."""

    async def call(self, target: Target, *, call: str, due: datetime) -> TimerDelivered:
        """Return what came of it; ``call`` names this call for ever."""
        ...


@dataclass(frozen=True, slots=True)
class Calls:
    """A worker; ``bus/work`` calls ``handle``."""

    events: EventLog
    follow: Callable[..., AsyncGenerator[Recorded[Event], None]]
    wanted: Fold[Wanted]
    functions: Functions
    keeper: Timekeeper  # whose dead letters this worker takes again
    places: int = 64
    limit: timedelta = LIMIT
    durable: ClassVar[str] = "timer-calls"
    answers: ClassVar[tuple[str, ...]] = (Timekeeper.durable,)
    reads: ClassVar = (TimerFired,)
    begins: ClassVar[Literal["first", "now"]] = "now"

    def key(self, event: Fired | Due) -> str:
        """Return the timer: its calls come one after the other."""
        return event.timer.subject if isinstance(event, Due) else f"{event.of}"

    async def handle(self, event: Fired | Due) -> None:
        """Call the function, unless that was begun before."""
        if isinstance(event, Due):
            await self.keeper.handle(event)
            return
        if event.fact.purpose != CRON:
            return
        begun = subjects.subject(event.of, TimerCallBegun)
        guard = Guard(begun, await self.events.last_seq(begun))  # read before what it guards
        told = [one async for one in self._since(event) if one.cause == event.id]
        if any(isinstance(one.fact, TimerDelivered) for one in told):
            return
        if told:
            await self._left(event, told[0])
            return
        target = await self._target(event)
        if target is None:
            log.info("call_passed_over", timer=event.of.id)
            return
        await self._begin(event, guard)
        outcome = await self.functions.call(target, call=call_id(event), due=event.fact.due)
        await self._record(event, outcome)

    async def _since(self, fired: Fired) -> AsyncGenerator[Recorded[Event], None]:
        head = await self.events.head()
        history = subjects.history(fired.of)
        async with aclosing(self.follow(after=fired.seq, until=head, filter=history)) as events:
            async for event in events:
                yield event

    async def _target(self, fired: Fired) -> Target | None:
        """Return where the function answers; None when it is scheduled no more."""
        await self.wanted.reached(await self.events.head())
        of = fired.of
        row = self.wanted.rows.get(key_of(CRON, of.forge, of.project, fired.fact.about))
        return row.target if row else None

    async def _begin(self, fired: Fired, guard: Guard) -> None:
        """Record that the call begins; raises Conflict for all but one of those who try."""
        begun = TimerCallBegun(due=fired.fact.due)
        # Each attempt has an id of its own: the same id would let two believe that they began.
        id = event_id(self.durable, fired.id, begun, secrets.token_hex(8))
        await self.events.append(
            begun, of=fired.of, id=id, cause=fired, actor=self.durable, guard=guard
        )

    async def _left(self, fired: Fired, begun: Recorded[Any]) -> None:
        """Record a call that nobody will end; raises CallUnderWay while somebody may."""
        if envelope.now() - begun.time < self.limit:
            raise CallUnderWay(f"{fired.of.id} is being called since event {begun.seq}")
        message = "the worker that called it ended before the answer was recorded"
        await self._record(fired, TimerDelivered(fired.fact.due, "unknown", message=message))

    async def _record(self, fired: Fired, outcome: TimerDelivered) -> None:
        id = event_id(self.durable, fired.id, outcome)
        with suppress(IdReused):  # whoever was quicker has recorded it
            await self.events.append(outcome, of=fired.of, id=id, cause=fired, actor=self.durable)


def call_id(fired: Fired) -> str:
    """Return the X-Call-Id of a firing's call."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, fired.id))
