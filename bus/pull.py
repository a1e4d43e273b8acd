"""Pull reader: a stream's messages in order, from a position on, over restarts of the server.

Two batches are asked for ahead, so that the server never waits for us; what is not yet read is
not asked for again, so that a slow reader holds at most two batches. Its consumer is unnamed,
in memory and forgotten by the server soon after: the position is ours.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Final

import msgspec
import structlog

from bus.wire import Raw, Wire
from schemas.errors import Gap, LogUnavailable

log = structlog.get_logger(__name__)

BATCH: Final = 1000  # messages asked for at once
BYTES: Final = 8 * 1024 * 1024  # of a batch at most: the server drops whom it has too much for
AHEAD: Final = 2  # batches
SLICE: Final = 250  # messages handed on at once: others get the event loop in between
EXPIRES: Final = 30 * 10**9  # nanoseconds
HEARTBEAT: Final = 5 * 10**9  # nanoseconds
SILENCE: Final = 12.0  # seconds without a heartbeat: the consumer is gone
FORGET: Final = 10 * 10**9  # nanoseconds after which the server drops an unread consumer
MISSING: Final = 10059  # the stream is not there


class Message(msgspec.Struct, gc=False):
    """A stored message with its place."""

    seq: int
    pending: int  # messages behind this one that match
    raw: Raw


class _Failure(msgspec.Struct, frozen=True):
    err_code: int = 0
    description: str = ""


class _Created(msgspec.Struct, frozen=True):
    name: str = ""
    error: _Failure | None = None


_created = msgspec.json.Decoder(_Created).decode


class Broken(Exception):
    """The consumer or the connection is gone: begin again where we are."""


class Reader:
    """Reads one stream once; not shared."""

    def __init__(
        self,
        wire: Wire,
        stream: str,
        *,
        after: int,
        filter: str = "",
        gapless: bool = False,
        since: datetime | None = None,
    ) -> None:
        """Read what comes after ``after``, all of it or what matches ``filter``.

        With ``since`` and no position, what was stored since then.
        """
        self.messages: list[Raw] = []
        self.position = after
        self._wire = wire
        self._stream = stream
        self._filter = filter
        self._gapless = gapless
        self._since = since
        self._news = asyncio.Event()
        self._asked = self._consumed = 0

    def wake(self) -> None:
        """Look at ``messages``."""
        self._news.set()

    async def batches(self, *, idle: float | None = None) -> AsyncGenerator[list[Message], None]:
        """Yield messages in order, for ever; an empty list after each ``idle`` seconds without.

        Raises Gap when ``gapless`` and a sequence is missing.
        """
        pause = 0.02
        while True:
            await self._wire.ready()
            try:
                async with aclosing(self._consume(idle)) as consumed:
                    async for batch in consumed:
                        pause = 0.02
                        yield batch
            except (Broken, LogUnavailable) as error:
                log.debug("reader_begins_again", stream=self._stream, why=str(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.5)

    async def _consume(self, idle: float | None) -> AsyncGenerator[list[Message], None]:
        """Yield from one consumer, until it breaks."""
        self.messages = []
        sid, inbox = self._wire.subscribe(self)
        try:
            source = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{await self._create()}"
            self._asked = self._consumed = 0
            while True:
                self._ask(source, inbox)
                if not self.messages:
                    if not await self._wait(idle):
                        yield []
                    continue
                taken, self.messages = self.messages, []
                for place in range(0, len(taken), SLICE):
                    if place:
                        await asyncio.sleep(0)
                    batch, error = self._sorted(taken[place : place + SLICE])
                    if error is None:
                        self._ask(source, inbox)
                    if batch:
                        yield batch
                    if error is not None:
                        raise error
        finally:
            if self._wire.up:
                self._wire.unsubscribe(sid)

    def _sorted(self, taken: list[Raw]) -> tuple[list[Message], Exception | None]:
        """Return the messages, and what came after them that ends the consumer."""
        batch: list[Message] = []
        try:
            for raw in taken:
                if raw.reply.startswith(b"$JS.ACK"):
                    batch.append(self._placed(raw))
                else:
                    self._asked -= _status(raw)
        except (Broken, Gap) as error:
            return batch, error
        return batch, None

    def _ask(self, source: str, inbox: str) -> None:
        """Keep two batches asked for."""
        if not self._wire.up:
            raise Broken("the connection broke")
        while self._asked <= BATCH * (AHEAD - 1):
            self._wire.publish(source, _PULL, inbox)
            self._asked += BATCH

    async def _wait(self, idle: float | None) -> bool:
        """Wait for messages; False after ``idle`` seconds, Broken after too long a silence."""
        self._news.clear()
        if not self._wire.up:
            raise Broken("the connection broke")
        try:
            async with asyncio.timeout(SILENCE if idle is None else idle):
                await self._news.wait()
        except TimeoutError:
            if idle is None:
                raise Broken("no heartbeat") from None
            return False
        if not self.messages:
            raise Broken("the connection broke")
        return True

    def _placed(self, raw: Raw) -> Message:
        """Return a message with the places its reply subject tells, checked."""
        tokens = raw.reply.split(b".")  # $JS ACK <stream> <consumer> <n> <seq> <cseq> <ns> <more>
        seq, consumed = int(tokens[5]), int(tokens[6])
        self._consumed += 1
        self._asked -= 1
        if consumed != self._consumed:
            raise Broken(f"consumer sequence {consumed}, expected {self._consumed}")
        if self._gapless and seq != self.position + 1:
            raise Gap(
                f"{self._stream}: after {self.position} came {seq}",
                hint="the log lost messages: restore it, or rebuild what is folded from it",
            )
        self.position = seq
        return Message(seq, int(tokens[8]), raw)

    async def _create(self) -> str:
        """Make a consumer that begins after the position; return the name it was given."""
        config = {
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": self.position + 1,
            "ack_policy": "none",
            "replay_policy": "instant",
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": FORGET,
        }
        if self._since is not None and not self.position:
            del config["opt_start_seq"]
            config["deliver_policy"] = "by_start_time"
            config["opt_start_time"] = self._since.isoformat()
        if self._filter:
            config["filter_subject"] = self._filter
        query = {"stream_name": self._stream, "config": config}
        answer = await self._wire.request(
            f"$JS.API.CONSUMER.CREATE.{self._stream}", msgspec.json.encode(query)
        )
        if not answer.body:
            raise LogUnavailable("nobody answers at the log")
        created = _created(answer.body)
        if created.error is not None:
            raise LogUnavailable(f"no consumer: {created.error.description}")
        return created.name


_PULL: Final = msgspec.json.encode(
    {"batch": BATCH, "max_bytes": BYTES, "expires": EXPIRES, "idle_heartbeat": HEARTBEAT}
)


_OVER: Final = (b"Batch Completed", b"MaxBytes")


def _status(raw: Raw) -> int:
    """Return how many of the messages asked for will not come; Broken when none will."""
    lines = raw.headers.split(b"\r\n")
    code = lines[0][9:12]
    if code == b"100":
        return 0
    # 409 is also the end of a batch: by its count, or by its bytes
    if code == b"408" or (code == b"409" and lines[0].endswith(_OVER)):
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            if name == b"Nats-Pending-Messages":
                return int(value)
    raise Broken(lines[0].decode("latin-1"))
