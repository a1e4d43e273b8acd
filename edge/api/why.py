"""Why: what led to an event, back to the delivery that began it, and all that came of it."""

from collections.abc import AsyncIterator, Callable
from typing import Final

import msgspec

from bus.follow import Follow
from bus.log import EventLog
from edge.api.eventline import EventLine, line_of
from schemas.catalog import BY_TAG
from schemas.envelope import Recorded
from schemas.events import Event

FAR: Final = 100_000  # events that are searched, back and forth each
BLOCK: Final = 1000
NAMES: Final = frozenset(tag.partition("/")[0] for tag in BY_TAG)

Sees = Callable[[Recorded[Event]], bool]


class Effect(msgspec.Struct, frozen=True):
    """An event, and what came of it."""

    event: EventLine
    below: list["Effect"]


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """One event between its causes and its effects; stable."""

    origin: str = ""  # the id of what the first cause was caused by: a delivery; "": of nothing
    above: list[EventLine]  # the first cause first
    event: EventLine
    below: list[Effect]
    since: int  # the sequences that were searched
    until: int


def is_event(id: str) -> bool:
    """Tell whether an id is an event's: what consumers write names the fact that it is."""
    return not NAMES.isdisjoint(id.split(":"))


async def why(log: EventLog, follow: Follow, event: Recorded[Event], sees: Sees) -> Why:
    """Return causes and effects of an event, those that ``sees`` lets through."""
    head = await log.head()
    above, origin, since = await _above(follow, event, sees)
    until = min(head, event.seq + FAR)
    return Why(
        origin=origin,
        above=[line_of(cause) for cause in reversed(above)],
        event=line_of(event),
        below=await _below(follow, event, until, sees),
        since=since,
        until=until,
    )


async def _above(
    follow: Follow, event: Recorded[Event], sees: Sees
) -> tuple[list[Recorded[Event]], str, int]:
    """Return the causes, the nearest first, what caused the last, and how far was searched."""
    found: list[Recorded[Event]] = []
    wanted, seq = event.cause, event.seq
    if not is_event(wanted):
        return found, wanted, seq
    async for before in _back(follow, event.seq, max(0, event.seq - FAR)):
        seq = before.seq
        if before.id == wanted:
            if not sees(before):
                break
            found.append(before)
            wanted = before.cause
            if not is_event(wanted):
                break
    return found, wanted, seq


async def _back(follow: Follow, seq: int, bottom: int) -> AsyncIterator[Recorded[Event]]:
    """Yield events before a sequence, the newest first."""
    upper = seq - 1
    while upper > bottom:
        lower = max(bottom, upper - BLOCK)
        for event in reversed([one async for one in follow.events(after=lower, until=upper)]):
            yield event
        upper = lower


async def _below(follow: Follow, event: Recorded[Event], until: int, sees: Sees) -> list[Effect]:
    """Return what came of an event: an effect stands in the log after its cause."""
    effects: dict[str, list[Effect]] = {event.id: []}
    async for later in follow.events(after=event.seq, until=until):
        siblings = effects.get(later.cause)
        if siblings is not None and sees(later):
            effects[later.id] = []
            siblings.append(Effect(line_of(later), effects[later.id]))
    return effects[event.id]
