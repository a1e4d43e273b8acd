"""Dead letters: what a worker has given up, and why.

A letter points at its message (stream, sequence) and copies nothing of it. The worker writes it
on its last attempt. For a worker that dies before it can, the server's advisories stand in the
same stream and are read as the same letters; the id makes one of both.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Final

import msgspec

from bus import envelope
from bus.jetstream import JetStream, Refused, patiently
from bus.log import WRONG_LAST, raise_for
from bus.pull import Message, Reader
from bus.wire import Wire
from schemas.subjects import encode

STREAM: Final = "DEADLETTERS"
REPLAYED: Final = "replay"  # why a message of a replay was terminated: nothing is lost
ADVISORIES: Final = "$JS.EVENT.ADVISORY.CONSUMER."
IDLE: Final = 2.0  # seconds without a message: the rest has aged away meanwhile


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """One message that one consumer has given up."""

    consumer: str
    stream: str
    seq: int
    code: str  # of the error: stable
    reason: str  # its sentence, without secrets
    attempts: int
    time: datetime  # UTC, when it was given up
    event: str = ""  # the id of the message
    hint: str = ""  # what the error says to do
    stack: tuple[str, ...] = ()  # where it happened, in our own code
    again: str = ""  # the letter that was redriven, and failed like this

    @property
    def id(self) -> str:
        """Return what makes it one, whoever tells of it."""
        return f"dead:{self.key}"

    @property
    def key(self) -> str:
        """Return what people call it by: ``builder:EVENTS:1842``."""
        return f"{self.consumer}:{self.stream}:{self.seq}"


class _Advisory(msgspec.Struct, frozen=True):
    """What the server says of a message that it delivers no more."""

    stream: str
    consumer: str
    stream_seq: int
    deliveries: int
    timestamp: datetime
    reason: str = ""


_letter = msgspec.json.Decoder(DeadLetter).decode
_advisory = msgspec.json.Decoder(_Advisory).decode


class DeadLetters:
    """The stream DEADLETTERS; safe to share between tasks."""

    def __init__(self, js: JetStream, wire: Wire) -> None:
        """Write over ``js``, read over ``wire``."""
        self._js = js
        self._wire = wire

    async def write(self, letter: DeadLetter) -> None:
        """Store a letter, once for ever; raises LogUnavailable."""
        subject = _subject(letter.consumer, letter.stream, letter.seq)
        headers = {
            envelope.MSG_ID: envelope.escape(letter.id),
            "Nats-Expected-Last-Subject-Sequence": "0",
        }
        body = msgspec.json.encode(letter)
        await patiently(lambda: self._publish(subject, body, headers))

    async def _publish(self, subject: str, body: bytes, headers: dict[str, str]) -> None:
        try:
            await self._js.publish(subject, body, headers)
        except Refused as refused:
            if refused.code not in WRONG_LAST:  # else it is there already
                raise_for(refused, subject)

    async def about(self, stream: str, seq: int) -> DeadLetter | None:
        """Return the newest letter a worker wrote about a message, None while there is none."""
        subject = f"dead.*.{stream}.{seq}"
        stored = await patiently(lambda: self._js.message(STREAM, last_by_subj=subject))
        return None if stored is None else _letter(stored.body)

    async def list(self, *, consumer: str = "") -> list[DeadLetter]:
        """Return all letters, oldest first, of one consumer or of all."""
        letters: dict[str, DeadLetter] = {}
        async for message in self._stored():
            letter = read(message)
            if letter is None or consumer not in ("", letter.consumer):
                continue
            if letter.id not in letters or not _advises(message):
                letters[letter.id] = letter
        return sorted(letters.values(), key=lambda letter: (letter.time, letter.seq))

    async def _stored(self) -> AsyncIterator[Message]:
        """Yield all that stands in the stream now."""
        info = await patiently(lambda: self._js.info(STREAM))
        if info is None or not info["state"]["messages"]:
            return
        last = int(info["state"]["last_seq"])
        async with aclosing(Reader(self._wire, STREAM, after=0).batches(idle=IDLE)) as batches:
            async for batch in batches:
                for message in batch:
                    if message.seq <= last:
                        yield message
                if not batch or batch[-1].seq >= last or not batch[-1].pending:
                    return


def _subject(consumer: str, stream: str, seq: int) -> str:
    return f"dead.{encode(consumer)}.{stream}.{seq}"


def _advises(message: Message) -> bool:
    return message.raw.subject.decode().startswith(ADVISORIES)


def read(message: Message) -> DeadLetter | None:
    """Return the letter in a message, or in an advisory; None where nothing was given up."""
    if not _advises(message):
        return _letter(message.raw.body)
    advisory = _advisory(message.raw.body)
    if advisory.reason == REPLAYED:
        return None
    return DeadLetter(
        consumer=advisory.consumer,
        stream=advisory.stream,
        seq=advisory.stream_seq,
        code="terminated" if advisory.reason else "attempts_used_up",
        reason=advisory.reason or "the worker ended in each attempt",
        attempts=advisory.deliveries,
        time=advisory.timestamp,
    )
