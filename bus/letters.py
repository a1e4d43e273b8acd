"""What became of dead letters: open, redriven, handled, dropped; and how they come to that.

A letter is settled by one fact at most, whose guard is the letter's history: two operators who
redrive it at once have it handled once.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeAlias

import msgspec

from bus.again import POINTERS
from bus.deadletters import DeadLetter
from bus.log import DELIVERIES, EVENTS, Guard
from schemas import subjects
from schemas.envelope import Aggregate, Delivery, Recorded
from schemas.errors import Conflict, EventMissing, GiveUp, Undecodable
from schemas.events import Event
from schemas.events.deadletter import DeadletterDropped, DeadletterHandled, DeadletterRedriven
from schemas.ids import event_id

if TYPE_CHECKING:
    from bus.connection import Bus

HANDLED: Final = "ev.*.*.deadletter.*.handled"
SETTLED: Final = "ev.*.*.deadletter.*.*"
POLL: Final = 0.2  # seconds without news, before a look for new letters

State: TypeAlias = Literal["open", "redriven", "handled", "dropped"]
_STATES: Final[dict[type, State]] = {
    DeadletterRedriven: "redriven",
    DeadletterHandled: "handled",
    DeadletterDropped: "dropped",
}


class LetterSettled(GiveUp):
    """A dead letter was redriven or dropped before: there is nothing to decide any more."""

    code = "letter_settled"
    status: ClassVar = 409  # of the API's answer


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter and what became of it."""

    dead: DeadLetter
    state: State = "open"
    by: str = ""  # who redrove or dropped it


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """The message that a letter is about in the end: a redriven one points at another."""

    consumer: str
    stream: str
    seq: int
    of: Aggregate  # of the letter's own facts
    message: Recorded[Event] | Delivery | None = None  # None: gone, or it cannot be read


async def letters(bus: "Bus") -> list[Letter]:
    """Return every letter with its state, oldest first."""
    found = {dead.key: Letter(dead=dead) for dead in await bus.deadletters.list()}
    head = await bus.log.head() if found else 0
    async with aclosing(bus.follow.events(after=0, until=head, filter=SETTLED)) as facts:
        async for event in facts:
            if (letter := found.get(event.of.id)) is not None and type(event.fact) in _STATES:
                by = letter.by if isinstance(event.fact, DeadletterHandled) else event.actor
                state = _STATES[type(event.fact)]
                found[event.of.id] = msgspec.structs.replace(letter, state=state, by=by)
    return list(found.values())


async def open_letters(bus: "Bus") -> list[DeadLetter]:
    """Return the letters that nobody has redriven or dropped, oldest first."""
    return [letter.dead for letter in await letters(bus) if letter.state == "open"]


async def origin(bus: "Bus", dead: DeadLetter) -> Origin:
    """Return what the letter is about. Bodies of deliveries are not read: operators may not."""
    consumer, stream, seq = dead.consumer, dead.stream, dead.seq
    message: Any = await _event(bus, seq) if stream == EVENTS else None
    if message is not None and isinstance(message.fact, POINTERS):
        consumer, stream, seq = message.fact.consumer, message.fact.stream, message.fact.seq
        message = await _event(bus, seq) if stream == EVENTS else None
    if stream == DELIVERIES and dead.event:
        forge, _, id = dead.event.partition(":")
        message = Delivery(forge=forge, id=id, headers={}, body=b"", seq=seq, time=dead.time)
    about = message.of if isinstance(message, Recorded) else None
    forge = about.forge if about else message.forge if message else ""
    of = Aggregate(forge, about.project if about else "", "deadletter", dead.key)
    return Origin(consumer=consumer, stream=stream, seq=seq, of=of, message=message)


async def _event(bus: "Bus", seq: int) -> Recorded[Event] | None:
    try:
        return await bus.log.get(seq)
    except (EventMissing, Undecodable):
        return None


async def redrive(bus: "Bus", dead: DeadLetter, *, actor: str) -> int:
    """Have the consumer try again; return the fact's sequence. Raises LetterSettled."""
    found = await origin(bus, dead)
    fact = DeadletterRedriven(consumer=found.consumer, stream=found.stream, seq=found.seq)
    return await _settle(bus, dead, found, fact, actor)


async def drop(bus: "Bus", dead: DeadLetter, reason: str, *, actor: str) -> int:
    """Have nobody try again; return the fact's sequence. Raises LetterSettled."""
    return await _settle(bus, dead, await origin(bus, dead), DeadletterDropped(reason), actor)


async def _settle(bus: "Bus", dead: DeadLetter, found: Origin, fact: Event, actor: str) -> int:
    try:
        return await bus.log.append(
            fact,
            of=found.of,
            id=event_id("operator", dead.id, fact),
            cause=found.message,
            actor=actor,
            guard=Guard(subjects.history(found.of), 0),
        )
    except Conflict as error:
        raise LetterSettled(
            f"{dead.key} was redriven or dropped before", hint="`pushline deadletter ls` shows it"
        ) from error


async def outcome(bus: "Bus", dead: DeadLetter, seq: int) -> DeadLetter | None:
    """Wait for what became of a letter redriven at ``seq``: None handled, or its new letter."""
    async with aclosing(outcomes(bus, {seq: dead})) as ends:
        async for _, new in ends:
            return new
    raise AssertionError


async def outcomes(
    bus: "Bus", redriven: Mapping[int, DeadLetter]
) -> AsyncGenerator[tuple[int, DeadLetter | None], None]:
    """Yield what became of letters, by the sequence that redrove each, as it becomes known."""
    left = {dead.key: seq for seq, dead in redriven.items()}
    if not left:
        return
    handled: asyncio.Queue[str] = asyncio.Queue()
    hearing = asyncio.create_task(_hear(bus, min(redriven), handled.put_nowait))
    try:
        while left:
            with suppress(TimeoutError):
                key = await asyncio.wait_for(handled.get(), POLL)
                if key in left:
                    yield left.pop(key), None
                continue
            if hearing.done():
                hearing.result()
            for key, seq in list(left.items()):
                if (new := await bus.deadletters.about(EVENTS, seq)) is not None:
                    del left[key]
                    yield seq, new
    finally:
        hearing.cancel()


async def led_to(bus: "Bus", dead: DeadLetter, seq: int) -> list[Recorded[Event]]:
    """Return the facts that its message has led to since ``seq``."""
    found = await origin(bus, dead)
    message = found.message
    if message is None:
        return []
    cause = message.id if isinstance(message, Recorded) else message.event_id
    head = await bus.log.head()
    async with aclosing(bus.follow.events(after=seq, until=head)) as events:
        return [
            event
            async for event in events
            if event.cause == cause and event.of.kind != "deadletter"
        ]


async def _hear(bus: "Bus", after: int, tell: Callable[[str], None]) -> None:
    """Tell of each letter that has been handled."""
    async with aclosing(bus.follow.events(after=after, filter=HANDLED)) as events:
        async for event in events:
            tell(event.of.id)
