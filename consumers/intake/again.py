"""Intake, asked to take a stored delivery again.

Reads   delivery.resend-requested/1, and deliveries that are redriven to intake
Writes  what is missing of a delivery's facts, delivery.resent/1
Calls   nobody
Twice   is harmless: a delivery's facts have the ids they had the first time, so what is in the
        log is not added; what was ignored then is decided on by what the log says now
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import ClassVar, Literal

import structlog

from bus.log import DeliveryLog
from consumers.forges.meaning import Ignored, Statement
from consumers.intake.consumer import Intake, drafts
from schemas.envelope import Delivery, Recorded
from schemas.errors import IdReused
from schemas.events import Event
from schemas.events.delivery import DeliveryIgnored, DeliveryResendRequested, DeliveryResent
from schemas.ids import event_id

log = structlog.get_logger(__name__)

Request = Recorded[DeliveryResendRequested]


@dataclass(frozen=True, slots=True)
class IntakeAgain:
    """A worker; ``bus/work`` calls ``handle``."""

    intake: Intake
    deliveries: DeliveryLog
    follow: Callable[..., AsyncGenerator[Recorded[Event], None]]
    places: int = 4
    durable: ClassVar[str] = "intake-again"
    answers: ClassVar[tuple[str, ...]] = ("intake",)  # whose dead letters it takes
    reads: ClassVar = (DeliveryResendRequested,)
    begins: ClassVar[Literal["first", "now"]] = "first"

    def key(self, event: Request | Delivery) -> str:
        """Return the delivery."""
        return event.event_id if isinstance(event, Delivery) else f"{event.of.forge}:{event.of.id}"

    async def handle(self, event: Request | Delivery) -> None:
        """Take the delivery; for a request, record what came of it."""
        if isinstance(event, Delivery):
            await self.intake.handle(event)
            return
        delivery = await self.deliveries.find(event.of.forge, event.of.id)
        if delivery is None:
            await self._resent(event, [], "the delivery is not stored any more")
            return
        reason = await self._add(delivery)
        facts = await self._added(delivery, event.seq)
        await self._resent(event, facts, "" if facts else reason)

    async def _add(self, delivery: Delivery) -> str:
        """Record what is missing; return why nothing may have been."""
        since = await self.intake.since(delivery)
        said = await self.intake.said(delivery)
        meaning = await self.intake.meaning(delivery)
        says = meaning.says
        nothing = isinstance(says, Ignored)
        if said is None or (isinstance(said.fact, DeliveryIgnored) and not nothing):
            with suppress(IdReused):  # decided on anew, it is ignored again, in other words
                await self.intake.take(delivery, since)
            said = await self.intake.said(delivery)
        elif isinstance(says, tuple):  # a push has one fact, with its delivery's own
            await self._state(delivery, (*says, *meaning.also), meaning.actor)
        if said is not None and isinstance(said.fact, DeliveryIgnored):
            return f"ignored: {said.fact.reason}"
        return "nothing was missing"

    async def _state(self, delivery: Delivery, statements: Sequence[Statement], actor: str) -> None:
        """Record each statement whose id is not in the log."""
        name = statements[0].name if len({one.of.project for one in statements}) == 1 else ""
        actor = actor or self.intake.durable
        for draft in drafts(delivery, statements):
            try:
                await self.intake.events.append(
                    draft.fact, of=draft.of, id=draft.id, cause=delivery, actor=actor, name=name
                )
            except IdReused:
                log.info("fact_told_otherwise_then", delivery=delivery.event_id, id=draft.id)

    async def _added(self, delivery: Delivery, since: int) -> list[int]:
        """Return the sequences of the delivery's facts that were written since."""
        head = await self.intake.events.head()
        async with aclosing(self.follow(after=since, until=head)) as events:
            return [
                event.seq
                async for event in events
                if event.cause == delivery.event_id and event.of.kind != "delivery"
            ]

    async def _resent(self, request: Request, facts: list[int], reason: str) -> None:
        fact = DeliveryResent(request=request.seq, facts=tuple(facts), reason=reason)
        id = event_id(self.durable, request.id, fact)
        with suppress(IdReused):  # told before, by a worker that died then
            await self.intake.events.append(
                fact, of=request.of, id=id, cause=request, actor=self.durable
            )
