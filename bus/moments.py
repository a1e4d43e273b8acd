"""Moments: which sequence of the log a time means."""

from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

from bus.jetstream import JetStream, patiently
from bus.log import EVENTS, EventLog
from bus.pull import Reader
from bus.wire import Wire
from schemas.errors import LogNotInitialised, PushlineError

SLACK: Final = timedelta(minutes=1)  # clocks of those who append may differ by so much
SHAPES: Final = "write a sequence of the log, or a time with its zone as 2026-01-31T12:00:00Z"


class MomentInvalid(PushlineError):
    """What was written for a moment is neither a sequence nor a time with a zone."""

    code = "moment_invalid"
    status: ClassVar = 422


class MomentAhead(PushlineError):
    """The log has not come to this moment yet."""

    code = "moment_ahead"
    status: ClassVar = 422


def parse(text: str) -> int | datetime:
    """Return the sequence or the time that is written; MomentInvalid says the shapes."""
    if text.isdecimal() and text.isascii() and len(text) < 20:
        return int(text)
    try:
        # a form or a URL makes a space of the plus before a zone
        moment = datetime.fromisoformat(text.strip().replace(" ", "+") if "T" in text else text)
    except ValueError as error:
        raise MomentInvalid(f"at: {text[:80]!r} is no moment", hint=SHAPES) from error
    if moment.tzinfo is None:
        raise MomentInvalid(f"at: {text[:80]} has no zone", hint=SHAPES)
    return moment.astimezone(UTC)


class Moments:
    """Finds sequences in EVENTS; safe to share between tasks."""

    def __init__(self, js: JetStream, wire: Wire) -> None:
        """Ask over ``js``, read over ``wire``."""
        self._js = js
        self._wire = wire

    async def sequence(self, moment: int | datetime) -> int:
        """Return the last sequence that the log had at a moment; MomentAhead for a later one.

        A time counts by the server's clock, when it took an event; before the first one: 0.
        """
        info = await patiently(lambda: self._js.info(EVENTS))
        if info is None:
            raise LogNotInitialised("there is no log here")
        head = int(info["state"]["last_seq"])
        if isinstance(moment, datetime):
            if moment > datetime.now(UTC):
                raise MomentAhead(
                    f"at: {moment.isoformat()} is yet to come",
                    hint=f"the log ends with {head}; leave `at` out to read what holds now",
                )
            return await self._before(moment, head, info["state"]["last_ts"])
        if moment > head:
            raise MomentAhead(
                f"at: the log ends with {head}, {moment} is yet to come",
                hint="leave `at` out to read what holds now, or wait with `after`",
            )
        return moment

    async def _before(self, time: datetime, head: int, newest: str) -> int:
        """Return the last sequence stored before ``time``."""
        if not head or datetime.fromisoformat(newest) < time:
            return head
        reader = Reader(self._wire, EVENTS, after=0, since=time)
        async with aclosing(reader.batches()) as batches:
            async for batch in batches:
                return batch[0].seq - 1
        raise AssertionError("a reader never ends")


async def before(log: EventLog, time: datetime, head: int) -> int:
    """Return a sequence behind which everything is that was written since ``time``."""
    low, high = 0, head
    while low < high:
        middle = (low + high + 1) // 2
        if (await log.get(middle)).time < time - SLACK:
            low = middle
        else:
            high = middle - 1
    return low
