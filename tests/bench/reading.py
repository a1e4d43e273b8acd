"""One way to read a whole log, in a process of its own: ``… reading WAY NATS_URL HOME COUNT``.

Prints how long it took and what CPU it cost, without the start of the process.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
import nats
import uvloop
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig

from bus import envelope
from bus.connection import connect
from bus.settings import BusSettings

FETCH: Final = 500  # messages, nats-py's own way to read in bulk
_UNACKNOWLEDGED: Final = ConsumerConfig(ack_policy=AckPolicy.NONE, inactive_threshold=30)


class Read(msgspec.Struct, frozen=True):
    """What reading took."""

    count: int
    seconds: float
    cpu: float


async def ours(url: str, home: Path, count: int) -> int:
    """Read typed events with our own follower."""
    read = 0
    async with connect(BusSettings(nats_url=url, home=home), name="bench") as bus:
        async for batch in bus.follow.batches(after=0, until=count):
            read += len(batch)
    return read


async def fetched(url: str, _: Path, count: int) -> int:
    """Read raw messages with nats-py's ``fetch``."""
    read = 0
    async with nats_py(url) as js:
        puller = await js.pull_subscribe("ev.>", stream="EVENTS", config=_UNACKNOWLEDGED)
        while read < count:
            read += len(await puller.fetch(FETCH, timeout=10))
    return read


async def ordered(url: str, _: Path, count: int) -> int:
    """Read raw messages with nats-py's ordered consumer."""
    return await subscribed(url, count, lambda _: None)


async def ordered_typed(url: str, _: Path, count: int) -> int:
    """Read with nats-py's ordered consumer, and make events of its messages as we do."""
    return await subscribed(url, count, typed)


def typed(message: Msg) -> object:
    """Return the event in a message."""
    seq = message.metadata.sequence.stream
    return envelope.to_event(message.subject, message.headers or {}, message.data, seq)


async def subscribed(url: str, count: int, use: Callable[[Msg], object]) -> int:
    """Hand ``count`` messages of an ordered consumer to ``use``."""
    read, ended = 0, asyncio.Event()

    async def take(message: Msg) -> None:
        nonlocal read
        use(message)
        read += 1
        if read == count:
            ended.set()

    async with nats_py(url) as js:
        await js.subscribe(
            "ev.>",
            stream="EVENTS",
            ordered_consumer=True,
            cb=take,
            pending_msgs_limit=-1,  # nats-py drops what is over it, and begins again
            pending_bytes_limit=-1,
        )
        await ended.wait()
    return read


@asynccontextmanager
async def nats_py(url: str) -> AsyncIterator[JetStreamContext]:
    """Yield nats-py's JetStream."""
    client = await nats.connect(url)
    try:
        yield client.jetstream()
    finally:
        await client.close()


WAYS: Final[dict[str, Callable[[str, Path, int], Awaitable[int]]]] = {
    "ours": ours,
    "fetched": fetched,
    "ordered": ordered,
    "ordered_typed": ordered_typed,
}


async def main(way: str, url: str, home: Path, count: int) -> Read:
    """Read once."""
    begun, before = time.perf_counter(), time.process_time()
    read = await WAYS[way](url, home, count)
    return Read(read, time.perf_counter() - begun, time.process_time() - before)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])))
    sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
