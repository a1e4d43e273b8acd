"""The long trials of the router, each against a running one; they return what they counted."""

import asyncio
import itertools
import os
import random
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from tests.bench.behind import PIECE, field, frame, message
from tests.bench.peers import HOST

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]

PATIENCE: Final = 30.0  # seconds for an answer
SOURCES: Final = 50  # addresses that connections come from: one has 28,000 ports
RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: close by RST
WAYS: Final = ("half-closed", "reset", "stalled", "left", "garbage", "answered")


def asking(line: str, *headers: str) -> bytes:
    """Return a head to the function."""
    return "\r\n".join((f"{line} HTTP/1.1", f"Host: {HOST}", *headers, "", "")).encode()


@asynccontextmanager
async def calling(port: int, source: str = "") -> AsyncIterator[Ends]:
    """Yield a connection; at the end it is gone."""
    local = (source, 0) if source else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=local)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


class Churned(NamedTuple):
    """What became of many connections."""

    opened: int
    refused: int  # could not connect at all


async def churn(port: int, connections: int, seconds: float) -> Churned:
    """Open so many connections in so many seconds, and treat each badly."""
    begun, refused = time.monotonic(), 0
    tasks: set[asyncio.Task[bool]] = set()
    for number in range(connections):
        tasks.add(asyncio.create_task(treat(port, number)))
        late = time.monotonic() - begun - number * seconds / connections
        if late < 0 or number % 100 == 0:
            await asyncio.sleep(max(-late, 0))
            done = {one for one in tasks if one.done()}
            refused += sum(not one.result() for one in done)
            tasks -= done
    refused += sum(not one for one in await asyncio.gather(*tasks))
    return Churned(connections, refused)


async def treat(port: int, number: int) -> bool:
    """Do to one connection what a bad network or a bad caller does; tell whether it opened."""
    way = WAYS[number % len(WAYS)]
    try:
        async with calling(port, f"127.0.1.{1 + number % SOURCES}") as (reader, writer):
            await WAYS_OF[way](reader, writer)
    except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
        return True
    except OSError:
        return False
    return True


async def _half_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(asking("POST /hello/sink", "Content-Length: 100") + b"half")
    writer.write_eof()
    await asyncio.wait_for(reader.read(), PATIENCE)


async def _reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(asking("GET /hello/flow/100000"))
    await asyncio.sleep(random.random() * 0.05)
    plain: socket.socket = writer.get_extra_info("socket")
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


async def _stalled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(asking("GET /hello")[: random.randrange(40)])
    await asyncio.wait_for(reader.read(), PATIENCE)  # until the router has had enough


async def _left(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(asking("GET /hello/sse"))
    await asyncio.sleep(random.random() * 0.1)


async def _garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(os.urandom(200) + b"\r\n\r\n")
    await asyncio.wait_for(reader.read(), PATIENCE)


async def _answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(asking(f"GET /hello/{random.random()}", "Connection: close"))
    await asyncio.wait_for(reader.read(), PATIENCE)


WAYS_OF: Final = dict(
    zip(WAYS, (_half_closed, _reset, _stalled, _left, _garbage, _answered), strict=True)
)


class Heard(NamedTuple):
    """What came of something that goes on for a while."""

    times: int
    wrong: int
    worst_ms: float


async def plain(port: int, seconds: float) -> Heard:
    """Ask like anybody, a request after the other; each is to be answered 200."""
    count = wrong = 0
    worst, until = 0.0, time.monotonic() + seconds
    async with calling(port) as (reader, writer):
        while (begun := time.monotonic()) < until:
            writer.write(asking("GET /hello"))
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
            await reader.readexactly(int(field(head, b"content-length")))
            count += 1
            wrong += not head.startswith(b"HTTP/1.1 200")
            worst = max(worst, time.monotonic() - begun)
            await asyncio.sleep(0.005)
    return Heard(count, wrong, worst * 1000)


async def listen(port: int, seconds: float) -> Heard:
    """Listen to events; each carries the time it was sent at, by the same clock."""
    count = wrong = 0
    worst, until, last = 0.0, time.monotonic() + seconds, 0.0
    async with calling(port) as (reader, writer):
        writer.write(asking("GET /hello/sse", "Accept: text/event-stream"))
        head = await reader.readuntil(b"\r\n\r\n")
        wrong += b"text/event-stream" not in head
        while time.monotonic() < until:
            event = await asyncio.wait_for(reader.readuntil(b"\n\n"), PATIENCE)
            sent = float(event.removeprefix(b"data: "))
            worst = max(worst, time.monotonic() - sent)
            wrong += sent <= last
            count, last = count + 1, sent
    return Heard(count, wrong, worst * 1000)


async def talk(port: int, seconds: float) -> Heard:
    """Send messages over a WebSocket; each is to come back as it was."""
    count = wrong = 0
    worst, until = 0.0, time.monotonic() + seconds
    async with calling(port) as (reader, writer):
        upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
        writer.write(
            asking("GET /hello/ws", *upgrade, "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")
        )
        head = await reader.readuntil(b"\r\n\r\n")
        wrong += not head.startswith(b"HTTP/1.1 101")
        for size in itertools.cycle((1, 125, 126, 5000, 60000)):
            said, begun = os.urandom(size), time.monotonic()
            if begun > until:
                return Heard(count, wrong, worst * 1000)
            writer.write(frame(said, mask=os.urandom(4)))
            wrong += await asyncio.wait_for(message(reader), PATIENCE) != said
            count += 1
            worst = max(worst, time.monotonic() - begun)
            await asyncio.sleep(0.01)
    raise AssertionError


async def up(port: int, size: int) -> float:
    """Send a body of this size; return the bytes a second."""
    begun = time.monotonic()
    async with calling(port) as (reader, writer):
        writer.write(asking("POST /hello/sink", f"Content-Length: {size}"))
        for start in range(0, size, len(PIECE)):
            writer.write(PIECE[: size - start])
            await writer.drain()
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        body = await reader.readexactly(int(field(head, b"content-length")))
    if body != b"%d bytes" % size:
        raise RuntimeError(f"of {size} bytes arrived: {body!r}")
    return size / (time.monotonic() - begun)


async def down(port: int, size: int) -> float:
    """Read a body of this size; return the bytes a second."""
    begun, got = time.monotonic(), 0
    async with calling(port) as (reader, writer):
        writer.write(asking(f"GET /hello/flow/{size}"))
        await reader.readuntil(b"\r\n\r\n")
        while got < size:
            piece = await asyncio.wait_for(reader.read(len(PIECE)), PATIENCE)
            if not piece:
                raise RuntimeError(f"of {size} bytes came {got}")
            got += len(piece)
    return size / (time.monotonic() - begun)
