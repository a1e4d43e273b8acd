"""Timers: the server says when a moment has come, by a message that it stores then.

A timer is a scheduled message (NATS ADR-51) on ``timer.…``; at its moment the server removes it
and stores one on ``due.…``, which a worker reads. What is due while the server is down, it stores
when it is back. After a kill -9 a schedule that had been replaced can come back: whoever reads
what is due compares it with what the log wants.

Of the server's schedules only ``@at`` is used: its own cron passes over what it missed.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Final

import msgspec

from bus.jetstream import JetStream, Refused, patiently
from bus.log import raise_for
from bus.pull import Message, Reader
from bus.wire import Wire
from schemas.errors import Undecodable
from schemas.subjects import encode

TIMERS: Final = "TIMERS"
DUE: Final = "due.>"
KEPT: Final = "48h"  # how long what is due waits for its worker; after that it is set again
IDLE: Final = 2.0  # seconds without a message: the rest has gone meanwhile


class Timer(msgspec.Struct, frozen=True, kw_only=True):
    """One moment to be told of."""

    purpose: str  # cron-function, run-timeout
    forge: str
    project: str
    about: str  # environment/function, or the run
    at: datetime  # UTC

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Return what makes it one: set again, it is moved."""
        return (self.purpose, self.forge, self.project, self.about)

    @property
    def subject(self) -> str:
        """Return its place, without the first word."""
        return ".".join(map(encode, self.key))


class Due(msgspec.Struct, frozen=True):
    """A timer whose moment has come."""

    timer: Timer
    seq: int  # in TIMERS

    @property
    def event_id(self) -> str:
        """Return the id of what is written because of it."""
        at = self.timer.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return ":".join(("timer", *self.timer.key, at))


_timer = msgspec.json.Decoder(Timer).decode


def due_of(body: bytes, seq: int) -> Due:
    """Return what is due; Undecodable names the sequence."""
    try:
        return Due(_timer(body), seq)
    except msgspec.DecodeError as error:
        raise Undecodable(f"timer {seq}: {error}") from error


class Timers:
    """The stream TIMERS; safe to share between tasks."""

    def __init__(self, js: JetStream, wire: Wire) -> None:
        """Set over ``js``, list over ``wire``."""
        self._js = js
        self._wire = wire

    async def set(self, timer: Timer) -> None:
        """Have the server tell of this moment, in place of the timer's former one.

        A moment that is past is told of at once. Raises LogUnavailable.
        """
        at = timer.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        headers = {
            "Nats-Schedule": f"@at {at}",
            "Nats-Schedule-Target": f"due.{timer.subject}",
            "Nats-Schedule-TTL": KEPT,
        }
        body = msgspec.json.encode(timer)
        await patiently(lambda: self._put(f"timer.{timer.subject}", body, headers))

    async def _put(self, subject: str, body: bytes, headers: Mapping[str, str]) -> None:
        try:
            await self._js.publish(subject, body, dict(headers))
        except Refused as refused:
            raise_for(refused, subject)

    async def cancel(self, timer: Timer) -> None:
        """Have the server tell of it no more; harmless when it is not set."""
        query = {"filter": f"timer.{timer.subject}"}
        await patiently(lambda: self._js.call(f"STREAM.PURGE.{TIMERS}", query))

    async def list(self, filter: str = "timer.>") -> dict[tuple[str, str, str, str], Timer]:
        """Return what is set (``timer.>``), or due and not yet forgotten (``due.>``)."""
        return {timer.key: timer async for timer in self._stored(filter)}

    async def _stored(self, filter: str) -> AsyncIterator[Timer]:
        last = await patiently(lambda: self._js.message(TIMERS, last_by_subj=filter))
        if last is None:
            return
        reader = Reader(self._wire, TIMERS, after=0, filter=filter)
        async with aclosing(reader.batches(idle=IDLE)) as batches:
            async for batch in batches:
                for message in batch:
                    yield _read(message)
                if not batch or batch[-1].seq >= last.seq or not batch[-1].pending:
                    return


def _read(message: Message) -> Timer:
    return due_of(message.raw.body, message.seq).timer
