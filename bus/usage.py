"""Usage: what routers counted, in the stream USAGE."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple

import msgspec
import structlog

from bus import envelope
from bus.jetstream import JetStream, Refused, patiently
from bus.log import raise_for
from bus.pull import Message, Reader
from bus.wire import Wire
from schemas.usage import Usage

USAGE: Final = "USAGE"

log = structlog.get_logger(__name__)

_decode = msgspec.json.Decoder(Usage).decode


class Counted(NamedTuple):
    """One part of a minute, as it stands in USAGE."""

    subject: str
    id: str
    usage: Usage


class UsageLog:
    """The stream USAGE; safe to share between tasks."""

    def __init__(self, js: JetStream, wire: Wire) -> None:
        """Write over ``js``, read over ``wire``."""
        self._js = js
        self._wire = wire

    async def write(self, subject: str, usage: Usage, *, id: str) -> None:
        """Store a count once; it may be repeated under its ``id``, for readers know ids too.

        Raises LogFull, LogUnavailable (perhaps stored).
        """
        headers = {envelope.MSG_ID: envelope.escape(id)}
        await patiently(partial(self._put, subject, msgspec.json.encode(usage), headers))

    async def _put(self, subject: str, body: bytes, headers: dict[str, str]) -> None:
        try:
            await self._js.publish(subject, body, headers)
        except Refused as refused:
            raise_for(refused, subject)

    async def since(self, filter: str, time: datetime) -> AsyncGenerator[Counted, None]:
        """Yield what was counted of minutes since ``time``, each part once."""
        found = await patiently(lambda: self._js.message(USAGE, last_by_subj=filter))
        if found is None or datetime.fromisoformat(found.time) < time:
            return
        first, seen = int(time.timestamp() // 60), set[str]()
        reader = Reader(self._wire, USAGE, after=0, filter=filter, since=time)
        async with aclosing(reader.batches()) as batches:
            async for batch in batches:
                for message in batch:
                    counted = _counted(message)
                    if counted.id not in seen and counted.usage.minute >= first:
                        seen.add(counted.id)
                        yield counted
                    if message.seq >= found.seq:
                        return

    async def follow(self, after: int) -> AsyncGenerator[tuple[int, Counted], None]:
        """Yield each part behind a sequence with its own, for ever; routers repeat some."""
        async with aclosing(Reader(self._wire, USAGE, after=after).batches()) as batches:
            async for batch in batches:
                for message in batch:
                    try:
                        counted = _counted(message)
                    except (KeyError, ValueError) as error:  # msgspec's are ValueErrors
                        log.warning("usage_unreadable", seq=message.seq, error=str(error))
                    else:
                        yield message.seq, counted


def _counted(message: Message) -> Counted:
    raw = message.raw
    id = envelope.unescape(envelope.parse(raw.headers)[envelope.MSG_ID])
    return Counted(raw.subject.decode(), id, _decode(raw.body))
