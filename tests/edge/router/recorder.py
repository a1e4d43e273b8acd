"""An upstream that keeps each byte it got, and reads them with parsers that are not ours.

llhttp (of Node, by httptools) decides where requests end and answers them; h11 reads the same
bytes afterwards. Where the two differ, what arrived is a smuggler's.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple, cast

import h11
import httptools


class Whole(NamedTuple):
    """A request that arrived whole."""

    method: str
    target: str
    body: bytes


class Recorder:
    """What all connections got."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.requests: list[Whole] = []  # in the order of their ends
        self.connections: list[Recording] = []
        self.broken: list[str] = []  # what llhttp could not read

    def clear(self) -> None:
        """Forget what was; connections stay open."""
        self.requests.clear()
        self.broken.clear()
        self.connections = [one for one in self.connections if not one.over]
        for one in self.connections:
            one.raw = b""

    @property
    def raw(self) -> bytes:
        """Return all bytes, one connection after another."""
        return b"".join(one.raw for one in self.connections)

    def by_h11(self) -> list[Whole]:
        """Return the whole requests as h11 reads them."""
        return [one for connection in self.connections for one in read_by_h11(connection.raw)]


class Recording(asyncio.Protocol):
    """One connection."""

    transport: asyncio.Transport

    def __init__(self, recorder: Recorder) -> None:
        """Record into ``recorder``."""
        self.recorder = recorder
        self.raw = b""
        self.over = False
        self._begin()

    def _begin(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.target = self.body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be there."""
        self.transport = cast("asyncio.Transport", transport)
        self.recorder.connections.append(self)

    def connection_lost(self, _: Exception | None) -> None:
        """Be gone; what was recorded stays until the next ``clear``."""
        self.over = True

    def data_received(self, data: bytes) -> None:
        """Keep the bytes, then read them."""
        self.raw += data
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:  # we take none: what follows is HTTP
            self._begin()
            if rest := data[upgrade.args[0] :]:
                self.raw = self.raw[: -len(rest)]
                self.data_received(rest)
        except httptools.HttpParserError as error:
            self.recorder.broken.append(str(error))
            self.transport.close()

    def on_url(self, part: bytes) -> None:
        """Take a part of the target."""
        self.target += part

    def on_body(self, part: bytes) -> None:
        """Take a part of the body."""
        self.body += part

    def on_message_complete(self) -> None:
        """Answer what arrived whole."""
        method = self.parser.get_method().decode()
        self.recorder.requests.append(Whole(method, self.target.decode("latin-1"), self.body))
        self.target = self.body = b""
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def read_by_h11(raw: bytes) -> list[Whole]:
    """Return the requests in ``raw``, until one that is not whole, or no request."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    found: list[Whole] = []
    connection.receive_data(raw)
    method = target = body = b""
    while True:
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError:
            return found
        if isinstance(event, h11.Request):
            method, target, body = event.method, event.target, b""
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            found.append(Whole(method.decode(), target.decode("latin-1"), body))
            connection.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
            connection.send(h11.EndOfMessage())
            if connection.their_state is not h11.DONE:  # it asked for the end
                return found
            connection.start_next_cycle()
        else:  # the end of what came, or an upgrade
            return found


@asynccontextmanager
async def recording(path: Path) -> AsyncIterator[Recorder]:
    """Yield a recorder that listens at ``path``."""
    recorder, loop = Recorder(), asyncio.get_running_loop()
    server = await loop.create_unix_server(lambda: Recording(recorder), str(path))
    try:
        yield recorder
    finally:
        server.close()
