"""Dead letters: what a worker has given up, and why.

A letter points at its message (stream, sequence) and copies nothing of it. The worker writes it
on its last attempt. For a worker that dies before it can, the server's advisories stand in the
same stream and are read as the same letters; the id makes one of both.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial
from typing import Final

import msgspec

from bus import envelope
from bus.jetstream import JetStream, Refused, Stored, patiently
from bus.log import WRONG_LAST, raise_for
from schemas.subjects import encode

STREAM: Final = "DEADLETTERS"
REPLAYED: Final = "replay"  # why a message of a replay was terminated: nothing is lost
ADVISORIES: Final = "$JS.EVENT.ADVISORY.CONSUMER."


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

    @property
    def id(self) -> str:
        """Return what makes it one, whoever tells of it."""
        return f"dead:{self.consumer}:{self.stream}:{self.seq}"


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

    def __init__(self, js: JetStream) -> None:
        """Write and read over ``js``."""
        self._js = js

    async def write(self, letter: DeadLetter) -> None:
        """Store a letter, once for ever; raises LogUnavailable."""
        subject = f"dead.{encode(letter.consumer)}.{letter.stream}.{letter.seq}"
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

    async def list(self, *, consumer: str = "") -> list[DeadLetter]:
        """Return all letters, oldest first, of one consumer or of all."""
        letters: dict[str, DeadLetter] = {}
        async for stored in self._stored():
            letter = read(stored)
            if letter is None or consumer not in ("", letter.consumer):
                continue
            if letter.id not in letters or not stored.subject.startswith(ADVISORIES):
                letters[letter.id] = letter
        return sorted(letters.values(), key=lambda letter: (letter.time, letter.seq))

    async def _stored(self) -> AsyncIterator[Stored]:
        seq = 0
        while True:
            after = partial(self._js.message, STREAM, seq=seq + 1, next_by_subj=">")
            stored = await patiently(after)
            if stored is None:
                return
            seq = stored.seq
            yield stored


def read(stored: Stored) -> DeadLetter | None:
    """Return the letter in a message, or in an advisory; None where nothing was given up."""
    if not stored.subject.startswith(ADVISORIES):
        return _letter(stored.body)
    advisory = _advisory(stored.body)
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
