"""A load generator for where there is no wrk: ``… client FILE PORT CONNECTIONS SECONDS``.

Raw connections on uvloop. It reads responses of a Content-Length alone; another one, or a status
over 399, is counted as failed.
"""

import asyncio
import itertools
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

import msgspec
import uvloop

from tests.bench.load import NUMBER, Told

_STATUS: Final = re.compile(rb"HTTP/1\.1 ([0-9]{3})")
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)


class Tally:
    """What all connections have seen."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.took: list[float] = []  # seconds, a request
        self.received = 0  # bytes
        self.failed = 0
        self.over = False  # connections end because we end them

    def told(self, seconds: float) -> Told:
        """Return it as a load generator tells it."""
        took = sorted(self.took) or [0.0]
        p50, p99 = (took[int(len(took) * part)] * 1000 for part in (0.50, 0.99))
        return Told(len(self.took), seconds, self.received, self.failed, p50, p99)


class Asking(asyncio.Protocol):
    """One connection: asks, and asks again once it is answered."""

    transport: asyncio.Transport

    def __init__(self, requests: Iterator[bytes], tally: Tally) -> None:
        """Take requests from ``requests``, which all connections share."""
        self.requests = requests
        self.tally = tally
        self.head = b""  # of a response, as far as it came
        self.left = 0  # bytes of its body to come
        self.begun = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first time."""
        self.transport = cast("asyncio.Transport", transport)
        self._ask()

    def connection_lost(self, _: Exception | None) -> None:
        """Count an end that is not ours as a failure."""
        self.tally.failed += not self.tally.over

    def data_received(self, data: bytes) -> None:
        """Count a response's bytes down."""
        self.tally.received += len(data)
        if not self.left:
            data = self.head + data
            end = data.find(b"\r\n\r\n") + 4
            if end < 4:
                self.head = data
                return
            self.head, length = b"", _LENGTH.search(data, 0, end)
            status = _STATUS.match(data)
            if status is None or length is None:
                self.transport.abort()
                return
            self.tally.failed += status[1] >= b"400"
            self.left = end + int(length[1])
        self.left -= len(data)
        if self.left <= 0:
            self.left = 0
            self.tally.took.append(time.perf_counter() - self.begun)
            self._ask()

    def _ask(self) -> None:
        self.begun = time.perf_counter()
        self.transport.write(next(self.requests))


def numbered(raw: bytes) -> Iterator[bytes]:
    """Yield the request for ever, with a number that is new each time."""
    parts = raw.split(NUMBER)
    if len(parts) == 1:
        return itertools.repeat(raw)
    return ((b"%d" % n).join(parts) for n in itertools.count(1))


async def ask(raw: bytes, port: int, connections: int, seconds: float) -> Told:
    """Ask for some seconds over so many connections; return what was seen."""
    loop, tally, requests = asyncio.get_running_loop(), Tally(), numbered(raw)
    begun = time.perf_counter()
    pairs = [
        await loop.create_connection(lambda: Asking(requests, tally), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.sleep(seconds)
    told = tally.told(time.perf_counter() - begun)
    tally.over = True
    for transport, _ in pairs:
        transport.abort()
    return told


def main(arguments: list[str]) -> None:
    """Print what was seen as one line of JSON."""
    file, port, connections, seconds = arguments
    raw = Path(file).read_bytes()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        told = runner.run(ask(raw, int(port), int(connections), float(seconds)))
    sys.stdout.write(msgspec.json.encode(told).decode() + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
