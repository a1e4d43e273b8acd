"""Which stored delivery is meant, and asking for it again."""

import asyncio
from contextlib import aclosing, suppress

from bus.connection import Bus
from bus.log import EventLog
from schemas.envelope import Aggregate
from schemas.errors import PushlineError
from schemas.events.delivery import DeliveryResendRequested, DeliveryResent

FORGES = ("github", "gitlab", "local")
RESENT = "ev.*.*.delivery.*.resent"


class DeliveryUnclear(PushlineError):
    """What was named is no delivery, and no event that a delivery led to."""

    code = "delivery_unclear"


async def delivery_of(bus: Bus, which: str) -> tuple[str, str]:
    """Return forge and id of a delivery, or of the one that led to an event.

    Raises DeliveryUnclear, EventMissing.
    """
    forge, _, id = which.partition(":")
    if forge in FORGES and id:
        return forge, id
    until = await bus.log.head()
    if which.isdecimal():
        event = await bus.log.get(int(which))
        which, until = event.id, event.seq
    causes: dict[str, str] = {}
    async with aclosing(bus.follow.events(after=0, until=until)) as events:
        async for event in events:
            causes[event.id] = event.cause
    return _first(which, causes)


def _first(event: str, causes: dict[str, str]) -> tuple[str, str]:
    """Return the delivery at the beginning of a chain of causes."""
    at = event
    while cause := causes.get(at, ""):
        at = cause
    forge, _, id = at.partition(":")
    if at in causes or at == event or forge not in FORGES:
        raise DeliveryUnclear(
            f"no delivery led to {event[:200]}",
            hint="name a delivery as github:ID, or an event that one led to",
        )
    return forge, id


async def resent(bus: Bus, seq: int, wait: float) -> DeliveryResent | None:
    """Wait so many seconds for what came of the request at ``seq``; None: it has not yet."""
    with suppress(TimeoutError):
        async with (
            asyncio.timeout(wait),
            aclosing(bus.follow.events(after=seq, filter=RESENT)) as events,
        ):
            async for event in events:
                if isinstance(event.fact, DeliveryResent) and event.fact.request == seq:
                    return event.fact
    return None


async def request(log: EventLog, forge: str, id: str, *, actor: str, token: str) -> int:
    """Ask intake to take a delivery again; return the fact's sequence.

    ``token`` tells this wish from another: asked twice with the same one, it is one.
    """
    return await log.append(
        DeliveryResendRequested(),
        of=Aggregate(forge, "", "delivery", id),
        id=f"resend:{forge}:{id}:{token}",
        actor=actor,
    )
