"""Tails: what somebody may see of the log, from where he stopped, and as it grows."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

import structlog

from bus.follow import Batch, Follow
from bus.log import EventLog
from bus.moments import before
from edge.api import instruments, sse
from edge.api.problems import NotFound
from edge.api.sse import EventStream
from edge.api.visible import Seer, Sight
from edge.api.why import Why, why
from schemas.envelope import Recorded
from schemas.errors import PushlineError, Retry
from schemas.events import Event

log = structlog.get_logger(__name__)

HEARTBEAT: Final = 15.0  # seconds of silence
EACH: Final = 0.5  # seconds between two looks at whether somebody may still see
MOST: Final = 256  # tails at once
MOST_EACH: Final = 64  # of one caller
PIECE: Final = 200  # events of one frame
SCAN: Final = 10_000  # events that one page looks through
BLOCK: Final = 500

Shape = Callable[[Recorded[Event]], bytes]


class TooManyTails(Retry):
    """This caller, or all of them, have as many tails open as there may be."""

    code = "too_many_tails"
    status: ClassVar = 429


class AheadOfLog(PushlineError):
    """Somebody resumes behind the log's end: it was another log, or this one was rewound."""

    code = "ahead_of_log"
    status: ClassVar = 409


class Tails:
    """All tails of a process, over its one reader."""

    def __init__(
        self, follow: Follow, events: EventLog, leaving: Callable[[], bool] = lambda: False
    ) -> None:
        """Follow with ``follow``; ``events`` tells where the log ends.

        All tails end once this process is ``leaving``: their readers come again to the next.
        """
        self._follow = follow
        self._log = events
        self._leaving = leaving
        self._open: dict[str, int] = {}

    async def open(self, seer: Seer, shape: Shape, after: int | None) -> EventStream:
        """Return the answer to somebody who wants to see what comes after a sequence (now).

        Raises TooManyTails, AheadOfLog.
        """
        who = seer.asking.caller.user
        if sum(self._open.values()) >= MOST or self._open.get(who, 0) >= MOST_EACH:
            raise TooManyTails(
                f"there are {self._open.get(who, 0)} tails of yours already",
                hint="close one, and try again",
            )
        head = await self._log.head()
        if after is not None and after > head:
            raise AheadOfLog(
                f"the log ends at {head}, before {after}",
                hint="it is another log than then: begin anew, without Last-Event-ID",
            )
        if after is None:
            after = await self._begin(seer, head)
        self._open[who] = self._open.get(who, 0) + 1
        instruments.tails.inc()
        frames = self._frames(seer, shape, after)
        return EventStream(frames, lambda: self._left(who))

    async def _begin(self, seer: Seer, head: int) -> int:
        """Return where one begins who does not say it: now, or when he says."""
        since = seer.wanted.since
        return head if since is None else await before(self._log, since, head)

    def _left(self, who: str) -> None:
        instruments.tails.dec()
        self._open[who] -= 1
        if not self._open[who]:
            del self._open[who]

    async def _frames(self, seer: Seer, shape: Shape, after: int) -> AsyncGenerator[bytes, None]:
        yield sse.BEGIN + sse.alive(after)
        batches, quiet, upcoming = self._follow.batches(after=after), 0.0, None
        try:
            while True:
                upcoming = upcoming or asyncio.ensure_future(anext(batches))
                await asyncio.wait((upcoming,), timeout=EACH)
                sight = seer.now()
                if (why := self._end(seer, sight)) or sight is None:
                    yield sse.end(why)
                    return
                if upcoming.done():
                    batch, upcoming = upcoming.result(), None
                    for text in _shown(batch, sight, shape):
                        quiet = 0.0
                        yield text
                    after = batch[-1].seq
                    continue
                quiet += EACH
                if quiet >= HEARTBEAT:
                    quiet = 0.0
                    yield sse.alive(after)
        except PushlineError as error:
            log.warning("tail_failed", code=error.code, message=error.message)
            yield sse.end(error.code)
        finally:
            await _closed(batches, upcoming)

    def _end(self, seer: Seer, sight: Sight | None) -> str:
        """Return why a tail ends, nothing for one that goes on."""
        if sight is None:
            return "rights"
        if self._leaving():
            return "restart"
        until = seer.wanted.until
        return "until" if until is not None and datetime.now(UTC) > until else ""

    async def page(
        self, seer: Seer, limit: int, cursor: int, after: int
    ) -> tuple[list[Recorded[Event]], int, str]:
        """Return the newest events below ``cursor`` (0: all), the head, and the next cursor.

        One that finds little among much ends early, with a cursor to go on with.
        """
        head = await self._log.head()
        sight = seer.now()
        upper = min(cursor - 1, head) if cursor else head
        if seer.wanted.since is not None:
            after = max(after, await before(self._log, seer.wanted.since, head))
        bottom, found = max(after, upper - SCAN), []
        while sight is not None and upper > bottom:
            lower = max(bottom, upper - BLOCK)
            block = [e async for e in self._follow.events(after=lower, until=upper)]
            found += [event for event in reversed(block) if sight.sees(event)]
            if len(found) >= limit:
                return found[:limit], head, str(found[limit - 1].seq)
            upper = lower
        return found, head, str(upper + 1) if upper > after else ""

    async def one(self, seer: Seer, which: int) -> Recorded[Event]:
        """Return one event; NotFound for one that is not there for whoever asks."""
        return (await self._seen(seer, which))[0]

    async def why(self, seer: Seer, which: int) -> Why:
        """Return an event's causes and effects; raises as ``one``."""
        found, sight = await self._seen(seer, which)
        return await why(self._log, self._follow, found, sight.may_see)

    async def _seen(self, seer: Seer, which: int) -> tuple[Recorded[Event], Sight]:
        sight = seer.now()
        if sight is not None and 0 < which <= await self._log.head():
            found = await self._log.get(which)
            if sight.may_see(found):
                return found, sight
        raise NotFound(f"no event {which}", hint="GET /api/events shows some")


def _shown(batch: Batch, sight: Sight, shape: Shape) -> list[bytes]:
    """Return what is to be seen of a batch, some events in each frame."""
    events = [sse.event(event.seq, shape(event)) for event in batch if sight.sees(event)]
    return [b"".join(events[at : at + PIECE]) for at in range(0, len(events), PIECE)]


async def _closed(batches: Any, upcoming: "asyncio.Future[Batch] | None") -> None:
    if upcoming is not None:
        upcoming.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await upcoming
    await batches.aclose()
