"""Denials: who was not let in, recorded so that an attack leaves a trace and no flood.

The same denial counts up; a minute has so many facts at most, and the last of them stands for
all the rest.
"""

import asyncio
import uuid
from collections import Counter
from typing import Final, NamedTuple, Protocol

import structlog

from schemas.envelope import Aggregate
from schemas.errors import LogUnavailable
from schemas.events import Event
from schemas.events.session import SessionDenied

log = structlog.get_logger(__name__)

EVERY: Final = 60.0  # seconds between two rounds of facts
MOST: Final = 20  # facts of one process in a round
AFTER: Final = 1.0  # seconds until the first denial after a quiet time is recorded
NOBODY: Final = Aggregate("", "", "session", "")


class Appends(Protocol):
    """Where facts go: ``bus.log.EventLog``."""

    async def append(self, fact: Event, *, of: Aggregate, id: str, actor: str = "") -> int:
        """Store a fact once."""
        ...


class Denied(NamedTuple):
    """What makes denials the same."""

    reason: str
    action: str
    on: str
    source: str
    user: str


class Denials:
    """Collects; ``run`` records. Memory is bounded: so many kinds, then one for all others."""

    def __init__(self) -> None:
        """Know of none."""
        self._times: Counter[Denied] = Counter()
        self._there = asyncio.Event()

    @property
    def waiting(self) -> dict[Denied, int]:
        """Return what was not recorded yet, and how often it happened."""
        return dict(self._times)

    def note(self, reason: str, action: str, on: str, *, source: str, user: str = "") -> None:
        """Count one; nothing waits, nothing is sent here."""
        denied = Denied(reason, action, on[:200], source, user)
        if denied not in self._times and len(self._times) >= MOST:
            denied = Denied("several", "", "", "", "")
        self._times[denied] += 1
        self._there.set()

    async def run(self, events: Appends) -> None:
        """Record for ever; what could not be stored is told in the next round."""
        while True:
            await self._there.wait()
            await asyncio.sleep(AFTER)
            await self.record(events)
            await asyncio.sleep(EVERY - AFTER)

    async def record(self, events: Appends) -> None:
        """Record what has collected."""
        times, self._times = self._times, Counter()
        self._there.clear()
        try:
            for denied, count in list(times.items()):
                fact = SessionDenied(**denied._asdict(), times=count)
                await events.append(fact, of=NOBODY, id=_id(), actor=denied.user or "auth")
                del times[denied]
        except LogUnavailable as error:
            log.warning("denials_not_recorded", code=error.code, kinds=len(times))
            self._times.update(times)
            self._there.set()


def _id() -> str:
    return f"auth:{uuid.uuid4()}:session.denied"
