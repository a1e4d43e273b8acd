"""A private copy of a range of EVENTS, for a replay to step through; JetStream makes it.

The copy is a stream of its own, REPLAY_<n>, whose subjects are ``replay.<id>.ev.…``. It takes just
as many messages as the range has, is removed at the end, and after a crash by the next who makes
one: nobody needs a copy for longer than an hour.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import datetime
from functools import partial
from typing import Any, Final

import structlog

from bus import envelope
from bus.jetstream import JetStream, Refused, patiently
from bus.log import EVENTS
from bus.permissions import COPIES
from bus.pull import Message, Reader
from bus.wire import Wire
from schemas.envelope import Recorded
from schemas.errors import PushlineError
from schemas.events import Event

log = structlog.get_logger(__name__)

LIFE: Final = 3600  # seconds
LARGEST: Final = 200_000  # events in a copy
TAKEN: Final = 10058  # a stream of this name is there, with another configuration
ORIGIN: Final = "Nats-Stream-Source"  # stream, sequence, filter, transform, subject, …


class RangeTooLarge(PushlineError):
    """A private copy would hold more events than one is for."""

    code = "range_too_large"


class CopiesTaken(PushlineError):
    """As many private copies as there may be are in use."""

    code = "copies_taken"


class Copy:
    """One private copy; read once, in order."""

    def __init__(self, wire: Wire, stream: str, id: str, last: int) -> None:
        """Read ``stream``, whose last event is ``last``."""
        self.stream = stream
        self._wire = wire
        self._prefix = f"replay.{id}."
        self._last = last

    async def batches(self) -> AsyncGenerator[list[Recorded[Event]], None]:
        """Yield the events with the sequences they have in EVENTS, as they are copied."""
        reader = Reader(self._wire, self.stream, after=0, gapless=True)
        async with aclosing(reader.batches()) as batches:
            async for raw in batches:
                batch = [self._read(message) for message in raw]
                yield batch
                if batch[-1].seq >= self._last:
                    return

    def _read(self, message: Message) -> Recorded[Event]:
        headers = envelope.parse(message.raw.headers)
        subject = message.raw.subject.decode().removeprefix(self._prefix)
        seq = int(headers[ORIGIN].split(" ")[1])
        return envelope.to_event(subject, headers, message.raw.body, seq)


class Copies:
    """Makes private copies; safe to share between tasks."""

    def __init__(self, js: JetStream, wire: Wire) -> None:
        """Make them over ``js``, read them over ``wire``."""
        self._js = js
        self._wire = wire

    @asynccontextmanager
    async def of(self, id: str, first: int, last: int) -> AsyncIterator[Copy]:
        """Yield a copy of these events under ``replay.<id>.``; it is removed at the end.

        Raises RangeTooLarge and CopiesTaken.
        """
        if (count := last - first + 1) > LARGEST:
            raise RangeTooLarge(
                f"{count} events are more than the {LARGEST} of a private copy",
                hint="narrow the range, or leave --private out: a dry replay copies nothing",
            )
        await sweep(self._js)
        stream = await _made(self._js, id, first, count)
        try:
            yield Copy(self._wire, stream, id, last)
        finally:
            await asyncio.shield(_removed(self._js, stream))


async def sweep(js: JetStream) -> list[str]:
    """Remove the copies of those who can no longer do it; return their names."""
    removed = []
    for stream in COPIES:
        info = await patiently(partial(js.info, stream))
        if info is not None and _age(info) > LIFE:
            await _removed(js, stream)
            removed.append(stream)
            log.info("leftover_copy_removed", stream=stream)
    return removed


def _age(info: dict[str, Any]) -> float:
    return (envelope.now() - datetime.fromisoformat(info["created"])).total_seconds()


async def _made(js: JetStream, id: str, first: int, count: int) -> str:
    """Make a copy under the first name that is free."""
    for stream in COPIES:
        if await patiently(partial(js.info, stream)) is not None:
            continue
        try:
            await js.call(f"STREAM.CREATE.{stream}", _config(stream, id, first, count), timeout=10)
        except Refused as refused:
            if refused.code != TAKEN:  # else somebody was quicker
                raise
        else:
            return stream
    raise CopiesTaken(
        f"{len(COPIES)} private copies are in use",
        hint="wait for one to end; what is left over is removed after an hour",
    )


def _config(stream: str, id: str, first: int, count: int) -> dict[str, Any]:
    source = {
        "name": EVENTS,
        "opt_start_seq": first,
        "subject_transforms": [{"src": "ev.>", "dest": f"replay.{id}.ev.>"}],
    }
    return {
        "name": stream,
        "retention": "limits",
        "storage": "file",
        "num_replicas": 1,
        "discard": "new",
        "max_msgs": count,  # what comes after the range is refused
        "max_age": LIFE * 10**9,
        "sources": [source],
    }


async def _removed(js: JetStream, stream: str) -> None:
    with suppress(Refused):  # it is gone
        await patiently(lambda: js.call(f"STREAM.DELETE.{stream}", timeout=10))
