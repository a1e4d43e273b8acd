"""The log's own limit: raw publishes to its server, so many unanswered at once.

``… limit PORT SUBJECT FILE AHEAD SECONDS``, which prints how many a second were acknowledged.
"""

import asyncio
import sys
import time
from pathlib import Path
from typing import Final, cast

import uvloop

_CONNECT: Final = b'CONNECT {"verbose":false,"pedantic":false,"lang":"bench"}\r\n'
_STORED: Final = b'"seq":'
_REFUSED: Final = b'"error":'


class Publisher(asyncio.Protocol):
    """A client of the log's server that does nothing but publish and count."""

    transport: asyncio.Transport

    def __init__(self, subject: str, body: bytes, ahead: int) -> None:
        """Publish ``body`` each time, so many ``ahead`` of the acknowledgements."""
        run = f"{time.time_ns():x}".encode()
        self.inbox = b"_INBOX.bench-" + run
        self.line = b"PUB %b.%b-%%d %b %d\r\n" % (subject.encode(), run, self.inbox, len(body))
        self.body = body + b"\r\n"
        self.ahead = ahead
        self.sent = self.stored = self.refused = 0
        self.rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Subscribe to the acknowledgements, and begin."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(_CONNECT + b"SUB %b 1\r\n" % self.inbox)
        self._publish(self.ahead)

    def data_received(self, data: bytes) -> None:
        """Publish again for each acknowledgement."""
        if data.startswith(b"PING"):
            self.transport.write(b"PONG\r\n")
        data = self.rest + data
        whole = data.rfind(b"\r\n") + 2
        stored = data.count(_STORED, 0, whole)
        refused = data.count(_REFUSED, 0, whole)
        self.rest = data[whole:] if whole >= 2 else data
        self.stored += stored
        self.refused += refused
        if stored + refused:
            self._publish(stored + refused)

    def _publish(self, count: int) -> None:
        parts = []
        for _ in range(count):
            self.sent += 1
            parts += [self.line % self.sent, self.body]
        self.transport.write(b"".join(parts))


async def publish(port: int, subject: str, body: bytes, ahead: int, seconds: float) -> float:
    """Return the acknowledged publishes a second."""
    loop = asyncio.get_running_loop()
    _, publisher = await loop.create_connection(
        lambda: Publisher(subject, body, ahead), "127.0.0.1", port
    )
    begun = time.perf_counter()
    await asyncio.sleep(seconds)
    rate = publisher.stored / (time.perf_counter() - begun)
    publisher.transport.abort()
    if publisher.refused or not publisher.stored:
        raise RuntimeError(f"{publisher.refused} publishes were refused: is there a stream?")
    return rate


def main(arguments: list[str]) -> None:
    """Print the rate."""
    port, subject, file, ahead, seconds = arguments
    body = Path(file).read_bytes()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(publish(int(port), subject, body, int(ahead), float(seconds)))
    sys.stdout.write(f"{found}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
