"""Messages taken again: a fact on EVENTS points at one that was delivered long ago.

Nothing is published again. The worker that the fact names takes the message where it stands, with
the fact's own attempts, backoff and acknowledgement; all others pass over the fact.
"""

from typing import TYPE_CHECKING, Any, Final

from bus import envelope
from bus.jetstream import patiently
from bus.timers import TIMERS, Due, due_of
from schemas.envelope import Delivery, Recorded, Unknown
from schemas.errors import EventMissing, GiveUp
from schemas.events import Event
from schemas.events.deadletter import DeadletterHandled, DeadletterRedriven
from schemas.events.replay import ReplayApplied, ReplayHandled
from schemas.ids import event_id, tag_of

if TYPE_CHECKING:
    from bus.connection import Bus
    from bus.work import Worker

POINTERS: Final = (DeadletterRedriven, ReplayApplied)  # with a consumer, a stream and a sequence


def is_for(worker: "Worker", fact: DeadletterRedriven | ReplayApplied) -> bool:
    """Tell whether ``worker`` is who a pointer names; it may answer for another stream's, too."""
    return fact.consumer in (worker.durable, *getattr(worker, "answers", ()))


class NotRead(GiveUp):
    """A consumer is asked to take a message of a kind that it never reads."""

    code = "not_read"


async def pointed(bus: "Bus", stream: str, seq: int) -> Recorded[Event] | Delivery | Due:
    """Return the message that stands there; EventMissing when it is gone."""
    stored = await patiently(lambda: bus.js.message(stream, seq=seq))
    if stored is None:
        raise EventMissing(
            f"{stream} has no message {seq} any more", hint="drop the letter, it cannot be redriven"
        )
    headers = envelope.parse(stored.headers)
    if stream == TIMERS:
        return due_of(stored.body, seq)
    if stream == "DELIVERIES":
        return await bus.deliveries.read(headers, stored.body, seq)
    return envelope.to_event(stored.subject, headers, stored.body, seq)


def require_read(worker: "Worker", event: Recorded[Event] | Delivery | Due) -> None:
    """Raise NotRead unless the worker reads such messages; what is unknown is passed over."""
    reads: Any = worker.reads if isinstance(worker.reads, tuple) else (worker.reads,)
    if isinstance(event, Recorded) and not isinstance(event.fact, (*reads, Unknown)):
        raise NotRead(
            f"{worker.durable} does not read {tag_of(event.fact)}",
            hint="name the consumer that failed",
        )


async def handled(bus: "Bus", worker: "Worker", pointer: Recorded[Any]) -> None:
    """Record that what was pointed at has been handled; twice is harmless."""
    applied = isinstance(pointer.fact, ReplayApplied)
    fact = ReplayHandled() if applied else DeadletterHandled()
    id = event_id(worker.durable, pointer.id, fact)
    await bus.log.append(fact, of=pointer.of, id=id, cause=pointer, actor=worker.durable)
