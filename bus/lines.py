"""Lines: what builds and functions print, in LOGS."""

import secrets
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from datetime import datetime
from functools import partial
from typing import Final

import msgspec

from bus import envelope
from bus.jetstream import JetStream, Refused, patiently
from bus.log import raise_for
from bus.pull import Message, Reader
from bus.wire import Wire

LOGS: Final = "LOGS"
LIMIT: Final = 64 * 1024  # bytes of one message


class Line(msgspec.Struct, frozen=True):
    """One printed line."""

    seq: int  # of the message in LOGS; lines written together share it
    time: datetime  # UTC, when it was written
    text: str  # without its end
    subject: str


class Lines:
    """The stream LOGS; safe to share between tasks."""

    def __init__(self, js: JetStream, wire: Wire) -> None:
        """Write over ``js``, read over ``wire``."""
        self._js = js
        self._wire = wire

    async def write(self, subject: str, lines: Sequence[str]) -> None:
        """Store lines under a subject of ``schemas.subjects``; long ones are split.

        Kept for days and not fsynced one by one: a power cut may take the last moment.
        Raises LogFull, LogUnavailable.
        """
        for body in packed(lines):
            headers = {
                envelope.MSG_ID: secrets.token_hex(12),
                "ce-time": envelope.now().isoformat(),
            }
            await patiently(partial(self._put, subject, body, headers))

    async def _put(self, subject: str, body: bytes, headers: dict[str, str]) -> None:
        try:
            await self._js.publish(subject, body, headers)
        except Refused as refused:
            raise_for(refused, subject)

    async def newest(self, filter: str) -> datetime | None:
        """Return when the newest line under a subject filter was written, None for none."""
        found = await patiently(lambda: self._js.message(LOGS, last_by_subj=filter))
        if found is None:
            return None
        return datetime.fromisoformat(envelope.parse(found.headers)["ce-time"])

    async def read(
        self,
        filter: str,
        *,
        after: int = 0,
        follow: bool = False,
        since: datetime | None = None,
    ) -> AsyncGenerator[Line, None]:
        """Yield the lines under a subject filter, in order; ``follow`` waits for more.

        ``after`` is the ``seq`` of the last line that was seen; ``since`` begins with what the log
        took then.
        """
        last = 0
        if not follow:
            found = await patiently(lambda: self._js.message(LOGS, last_by_subj=filter))
            last = 0 if found is None else found.seq
            if found is None or last <= after or _before(found.time, since):
                return
        reader = Reader(self._wire, LOGS, after=after, filter=filter, since=since)
        async with aclosing(reader.batches()) as batches:
            async for batch in batches:
                for message in batch:
                    for line in unpacked(message):
                        yield line
                    if not follow and message.seq >= last:
                        return


def _before(time: str, since: datetime | None) -> bool:
    return since is not None and datetime.fromisoformat(time) < since


def packed(lines: Sequence[str]) -> Iterator[bytes]:
    """Yield the bodies of messages that hold all lines, in order."""
    body: list[bytes] = []
    size = 0
    for line in lines:
        for piece in pieces(line):
            if body and size + len(piece) > LIMIT:
                yield b"\n".join(body)
                body, size = [], 0
            body.append(piece)
            size += len(piece) + 1
    if body:
        yield b"\n".join(body)


def pieces(line: str, limit: int = LIMIT) -> Iterator[bytes]:
    """Yield a line in pieces that fit into a message, split between characters."""
    raw = line.replace("\n", " ").encode("utf-8", "replace")
    while len(raw) > limit:
        cut = limit
        while raw[cut] & 0xC0 == 0x80:
            cut -= 1
        yield raw[:cut]
        raw = raw[cut:]
    yield raw


def unpacked(message: Message) -> Iterator[Line]:
    """Yield the lines of one message."""
    headers = envelope.parse(message.raw.headers)
    time, subject = datetime.fromisoformat(headers["ce-time"]), message.raw.subject.decode()
    for text in message.raw.body.decode("utf-8", "replace").split("\n"):
        yield Line(message.seq, time, text, subject)
