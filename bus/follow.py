"""EVENTS in order: one pull reader a process, shared by all who follow."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final

from bus import envelope, instruments
from bus.jetstream import JetStream, patiently
from bus.log import EVENTS
from bus.pull import Message, Reader
from bus.water import HighWater
from bus.wire import Wire
from schemas import subjects
from schemas.envelope import Recorded
from schemas.errors import LogNotInitialised, LogUnavailable
from schemas.events import Event

KEEP: Final = 4096  # newest events held for all who follow; who falls behind reads the log again
POLL: Final = 0.25  # seconds; a filtered read cannot see that no more will match

Batch = list[Recorded[Event]]
Decode = Callable[[list[Message]], Batch]


class Follow:
    """Gapless, also over a restart of the server; shared between tasks."""

    def __init__(self, js: JetStream, wire: Wire, water: HighWater) -> None:
        """Read over ``wire``; ``water`` is told how far the log has come."""
        self._js = js
        self._wire = wire
        self._water = water
        self._tail: Tail | None = None

    async def events(
        self, *, after: int, until: int | None = None, filter: str = subjects.ALL
    ) -> AsyncGenerator[Recorded[Event], None]:
        """Yield events with ``after < seq <= until``; without ``until`` wait for more.

        With a ``filter`` only those whose subject matches.
        Raises Gap where a sequence is missing; nothing is skipped.
        """
        async with aclosing(self.batches(after=after, until=until, filter=filter)) as batches:
            async for batch in batches:
                for event in batch:
                    yield event

    async def batches(
        self, *, after: int, until: int | None = None, filter: str = subjects.ALL
    ) -> AsyncGenerator[Batch, None]:
        """Yield the same events in lists, as they came: faster for much history."""
        if until is not None and until <= after:
            return
        everything = filter == subjects.ALL
        source = self._all(after, until) if everything else self._filtered(after, until, filter)
        async with aclosing(source) as batches:
            async for batch in batches:
                yield batch

    async def stored(
        self, *, after: int, until: int | None = None
    ) -> AsyncGenerator[list[Message], None]:
        """Yield the messages themselves, undecoded: they are the same for every release.

        Over a reader of one's own. Raises Gap where a sequence is missing.
        """
        if until is not None and until <= after:
            return
        reader = Reader(self._wire, EVENTS, after=after, gapless=True)
        async with aclosing(reader.batches()) as batches:
            async for raw in batches:
                if until is not None and raw[-1].seq >= until:
                    yield [message for message in raw if message.seq <= until]
                    return
                self._water.reached(raw[-1].seq)
                yield raw

    async def identity(self) -> str:
        """Return what tells this log from another: when its stream was made."""
        info = await patiently(lambda: self._js.info(EVENTS))
        if info is None:
            raise LogNotInitialised("there is no log here")
        return str(info["created"])

    async def close(self) -> None:
        """End the shared reader."""
        if self._tail is not None:
            await self._tail.close()

    async def _all(self, after: int, until: int | None) -> AsyncGenerator[Batch, None]:
        """Yield from the shared tail, and from a reader of our own while it is ahead of us."""
        while until is None or after < until:
            if until is None:
                tail = await self._shared()
                while (batch := tail.since(after)) is not None:
                    if batch:
                        after = batch[-1].seq
                        yield batch
                    else:
                        await tail.moved()
            reader = Reader(self._wire, EVENTS, after=after, gapless=True)
            async with aclosing(reader.batches()) as batches:
                async for raw in batches:
                    batch = self._decoded(raw)
                    if until is not None and batch[-1].seq >= until:
                        yield [event for event in batch if event.seq <= until]
                        return
                    after = batch[-1].seq
                    yield batch
                    if until is None and (await self._shared()).since(after) is not None:
                        break

    async def _filtered(
        self, after: int, until: int | None, filter: str
    ) -> AsyncGenerator[Batch, None]:
        reader = Reader(self._wire, EVENTS, after=after, filter=filter)
        idle = None if until is None else POLL
        if until is not None and await self._done(after, until, filter):
            return
        async with aclosing(reader.batches(idle=idle)) as batches:
            async for raw in batches:
                batch = self._decoded(raw)
                if until is None:
                    yield batch
                    continue
                if wanted := [event for event in batch if event.seq <= until]:
                    yield wanted
                if len(wanted) < len(batch):
                    return
                if not raw or not raw[-1].pending:
                    at = raw[-1].seq if raw else reader.position
                    if at >= until or await self._done(at, until, filter):
                        return

    async def _done(self, at: int, until: int, filter: str) -> bool:
        """Tell whether nothing up to ``until`` can match any more."""
        info = await patiently(lambda: self._js.info(EVENTS))
        if info is None or int(info["state"]["last_seq"]) < until:
            return False
        query = {"seq": at + 1, "next_by_subj": filter}
        more = await patiently(lambda: self._js.message(EVENTS, **query))
        return more is None or more.seq > until

    def _decoded(self, raw: list[Message]) -> Batch:
        if raw:
            self._water.reached(raw[-1].seq)
            instruments.followed.inc(len(raw))
        return decode(raw)

    async def _shared(self) -> "Tail":
        if self._tail is None:
            info = await patiently(lambda: self._js.info(EVENTS))
            head = 0 if info is None else int(info["state"]["last_seq"])
            if self._tail is None:
                self._tail = Tail(self._wire, head, self._decoded)
        return self._tail


def decode(raw: list[Message]) -> Batch:
    """Return the facts in messages of EVENTS."""
    event_of, events = envelope.event_of, []
    for message in raw:
        its = message.raw
        events.append(event_of(its.subject, its.headers, its.body, message.seq))
    return events


class Tail:
    """The newest events, and whoever waits for the next."""

    def __init__(self, wire: Wire, head: int, decode: Decode) -> None:
        """Begin after ``head``."""
        self._reader = Reader(wire, EVENTS, after=head, gapless=True)
        self._decode = decode
        self._events: Batch = []
        self._start = head  # the sequence before the first of them
        self._news = asyncio.Event()
        self._error: Exception | None = None
        self._task = asyncio.create_task(self._run(), name="follow")

    def since(self, seq: int) -> Batch | None:
        """Return the events after ``seq``; None when the first of them are no longer here."""
        if seq < self._start:
            return None
        return self._events[seq - self._start :]

    async def moved(self) -> None:
        """Wait for more; raises what ended the reader."""
        if self._error is not None:
            raise self._error
        await self._news.wait()
        if self._error is not None:
            raise self._error

    async def close(self) -> None:
        """Stop reading."""
        self._task.cancel()
        await asyncio.wait((self._task,))

    async def _run(self) -> None:
        try:
            async with aclosing(self._reader.batches()) as batches:
                async for raw in batches:
                    self._events += self._decode(raw)
                    if (over := len(self._events) - KEEP) > KEEP:
                        del self._events[:over]
                        self._start += over
                    self._tell()
        except asyncio.CancelledError:
            self._error = LogUnavailable("the connection to the log was closed")
            raise
        except Exception as error:  # noqa: BLE001 - raised by all who follow
            self._error = error
        finally:
            self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
