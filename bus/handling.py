"""One message through one handler, to its acknowledgement."""

import asyncio
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import structlog
from structlog.contextvars import bound_contextvars

from bus import again, envelope, instruments
from bus.deadletters import REPLAYED, DeadLetter
from bus.jetstream import Refused
from bus.natspy import Msg
from bus.resting import Resting
from bus.stack import stack
from bus.timers import TIMERS, Due, due_of
from schemas.envelope import Delivery, Recorded, Unknown
from schemas.errors import GiveUp, LogUnavailable, PushlineError, Retry
from schemas.events.run import RunDelayed
from schemas.ids import event_id

if TYPE_CHECKING:
    from bus.connection import Bus
    from bus.work import Pace, Worker

log = structlog.get_logger(__name__)

Taken: TypeAlias = Recorded[Any] | Delivery | Due  # what a message holds

ACK_TRIES: Final = 5
TOLD_AT: Final = 3  # the attempt after which those who wait are told why, some seconds later


class Handling:
    """What becomes of a worker's messages."""

    def __init__(
        self, bus: "Bus", worker: "Worker", pace: "Pace", stream: str, resting: Resting
    ) -> None:
        """Handle with ``worker``, read from ``stream``."""
        self.held: dict[int, Msg] = {}  # by sequence: what runs now
        self.giving_back = False  # a cancelled handler's message is given back at once
        self._pointers: dict[int, Recorded[Any]] = {}  # by sequence: what is taken again for them
        self._bus = bus
        self._worker = worker
        self._pace = pace
        self._stream = stream
        self._resting = resting

    async def opened(self, message: Msg) -> Any | None:
        """Return what the message holds; None when it has been dealt with."""
        seq = message.metadata.sequence.stream
        headers = message.headers or {}
        consumer = self._worker.durable
        if headers.get("ce-replayid"):
            await self._term(message, REPLAYED)
            return None
        try:
            event = await self._read(message, headers, seq)
        except LogUnavailable:
            await self.give_back(message, self._pace.backoff[0])
            return None
        except PushlineError as error:
            await self.failed(message, None, error)
            return None
        if isinstance(event, Recorded) and isinstance(event.fact, Unknown):
            instruments.unknown.labels(consumer).inc()
            log.info("unknown_tag_passed", consumer=consumer, seq=seq, tag=event.fact.type)
            await self._ack(message)
            return None
        return event

    async def _read(self, message: Msg, headers: dict[str, str], seq: int) -> Any | None:
        """Return what the message holds, or what it points at; None when that is not for us."""
        if self._stream == "DELIVERIES":
            return await self._bus.deliveries.read(headers, message.data, seq)
        if self._stream == TIMERS:
            return due_of(message.data, seq)
        event = envelope.to_event(message.subject, headers, message.data, seq)
        if isinstance(event.fact, again.POINTERS):
            return await self._pointed(message, event)
        return event

    async def _pointed(self, message: Msg, pointer: Recorded[Any]) -> Any | None:
        """Return what is to be taken again; None when it is not ours to take."""
        if not again.is_for(self._worker, pointer.fact):
            await self._ack(message)
            return None
        self._pointers[pointer.seq] = pointer
        event = await again.pointed(self._bus, pointer.fact.stream, pointer.fact.seq)
        again.require_read(self._worker, event)
        return event

    async def run(self, message: Msg, event: Taken) -> None:
        """Handle ``event`` and tell the server what came of it."""
        seq = message.metadata.sequence.stream
        self.held[seq] = message
        trace = event.trace if isinstance(event, Recorded) else ""
        bound = {"consumer": self._worker.durable, "event_id": _id(event), "trace_id": trace[3:35]}
        try:
            with bound_contextvars(**bound):
                await self._run(message, event)
        except asyncio.CancelledError:
            if self.giving_back:
                await self.give_back(message)
            raise
        except (LogUnavailable, Refused) as error:  # nobody took the outcome: it comes again
            log.warning("outcome_not_told", consumer=self._worker.durable, seq=seq, why=str(error))
        finally:
            del self.held[seq]

    async def _run(self, message: Msg, event: Taken) -> None:
        begin = perf_counter()
        consumer = self._worker.durable
        try:
            await self._worker.handle(event)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is its own
            await self.failed(message, event, error)
        else:
            seq = message.metadata.sequence.stream
            if (pointer := self._pointers.get(seq)) is not None:
                await again.handled(self._bus, self._worker, pointer)
            await self._ack(message)
            self._pointers.pop(seq, None)
            self._resting.over(seq)
            instruments.handled.labels(consumer).inc()
        finally:
            instruments.seconds.labels(consumer).observe(perf_counter() - begin)

    async def failed(self, message: Msg, event: Taken | None, error: Exception) -> None:
        """Let the message rest, give it back for later, or up.

        By the error's type, the message's age and the attempts so far.
        """
        age = envelope.now() - message.metadata.timestamp  # since it was stored
        if isinstance(error, Retry) and age < error.patience:
            await self._rest(message, event, error)
            return
        self._resting.over(message.metadata.sequence.stream)
        attempt = message.metadata.num_delivered
        if isinstance(error, GiveUp) or attempt >= self._pace.attempts:
            if (unsaid := await self._last_word(event, error)) is None:
                await self._bury(message, event, error)
                return
            error = unsaid  # what others wait for is not written: not yet to be given up
        if isinstance(error, Retry) and attempt == TOLD_AT:
            await self._tell(event, error)
        delay = self._pace.backoff[min(attempt, len(self._pace.backoff)) - 1]
        instruments.retried.labels(self._worker.durable).inc()
        log.warning(
            "handler_failed",
            attempt=attempt,
            again_in=delay,
            code=_code(error),
            message=_reason(error),
            exc_info=None if isinstance(error, PushlineError) else error,
        )
        await self.give_back(message, delay)

    async def _rest(self, message: Msg, event: Taken | None, error: Retry) -> None:
        """Keep the message here until what it needs may be there again."""
        if self._resting.ended:
            await self.give_back(message, self._pace.backoff[0])
            return
        delay = self._resting.rest(message, self._pace.backoff)
        log.warning("handler_waits", again_in=delay, code=error.code, message=str(error))
        if self._resting.times(message) == TOLD_AT:
            await self._tell(event, error)

    async def _tell(self, event: Taken | None, error: Retry) -> None:
        """Tell those who wait for a run why it waits, once for each event."""
        if not getattr(self._worker, "tells", False) or not isinstance(event, Recorded):
            return
        step, function = self._worker.durable, getattr(event.fact, "function", "")
        fact = RunDelayed(step=step, function=function, code=error.code, message=error.message)
        with suppress(PushlineError):  # it was said before, or cannot be: nobody waits for it
            id = event_id(step, event.id, fact)
            await self._bus.log.append(fact, of=event.of, id=id, cause=event, actor=step)

    async def _last_word(self, event: Taken | None, error: Exception) -> Exception | None:
        """Tell the worker that it is over; return what kept it from writing that down."""
        tell = getattr(self._worker, "gave_up", None)
        if tell is not None and event is not None:
            try:
                await tell(event, _code(error), _reason(error))
            except Exception as unsaid:  # noqa: BLE001 - the worker's own, as in its handler
                return unsaid
        return None

    async def give_back(self, message: Msg, delay: float = 0) -> None:
        """Let the server deliver the message again, after ``delay`` seconds."""
        await message.nak(delay=delay)

    async def _ack(self, message: Msg) -> None:
        """Acknowledge, and wait until the server has written that down."""
        for left in range(ACK_TRIES, 0, -1):
            try:
                await self._bus.js.request(message.reply, b"+ACK")
            except LogUnavailable:
                if left == 1:
                    raise
            else:
                return

    async def _bury(self, message: Msg, event: Taken | None, error: Exception) -> None:
        """Write the dead letter, then end the message."""
        seq, consumer = message.metadata.sequence.stream, self._worker.durable
        pointer = self._pointers.get(seq)
        letter = DeadLetter(
            consumer=consumer,
            stream=self._stream,
            seq=seq,
            code=_code(error),
            reason=_reason(error),
            attempts=message.metadata.num_delivered,
            time=envelope.now(),
            event=_id(event),
            hint=error.hint if isinstance(error, PushlineError) else "",
            stack=stack(error),
            again="" if pointer is None else pointer.of.id,
        )
        instruments.buried.labels(consumer, letter.code).inc()
        log.error(
            "message_given_up",
            seq=seq,
            code=letter.code,
            message=letter.reason,
            exc_info=None if isinstance(error, PushlineError) else error,
        )
        await self._bus.deadletters.write(letter)
        await self._term(message, f"{letter.code}: {letter.reason}")
        self._pointers.pop(seq, None)

    async def _term(self, message: Msg, reason: str) -> None:
        """Have the server deliver the message no more, and say why."""
        line = " ".join(reason.split())[:200]
        await self._bus.js.request(message.reply, f"+TERM {line}".encode())


def _id(event: Taken | None) -> str:
    if event is None:
        return ""
    return event.id if isinstance(event, Recorded) else event.event_id


def _code(error: Exception) -> str:
    return error.code if isinstance(error, PushlineError) else "internal"


def _reason(error: Exception) -> str:
    """Return what may be told: an unexpected error's text may hold a secret, its type does not."""
    return error.message if isinstance(error, PushlineError) else type(error).__name__
