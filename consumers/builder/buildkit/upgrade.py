"""A Docker Engine's BuildKit: HTTP/2 behind an upgrade that grpcio cannot ask for.

grpcio is given a socket of ours, in a folder that only we may enter; each connection to it becomes
one ``POST /grpc`` of the engine (https://docs.docker.com/reference/api/engine/).
"""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, cast

UPGRADE: Final = (
    b"POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
    b"Content-Length: 0\r\n\r\n"
)
HEAD: Final = 64 * 1024  # bytes of the longest answer
FULL: Final = 512 * 1024  # bytes on their way, beyond which the other side waits


@contextlib.asynccontextmanager
async def relayed(engine: str) -> AsyncIterator[str]:
    """Yield the path of a socket that speaks HTTP/2 with the engine's BuildKit."""
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory(prefix="buildkit-") as folder:
        path = str(Path(folder) / "grpc.sock")
        pairs: set[_Near] = set()
        server = await loop.create_unix_server(lambda: _Near(engine, pairs), path)
        try:
            yield path
        finally:
            server.close()
            for pair in list(pairs):
                pair.transport.abort()


class _End(asyncio.Protocol):
    """One end of a relay; what it hears, the other end says."""

    transport: asyncio.Transport
    other: "_End | None" = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(FULL)

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        if self.other:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """Pass the end on; keep the other direction."""
        if self.other and self.other.transport.can_write_eof():
            self.other.transport.write_eof()
        return True

    def connection_lost(self, _: Exception | None) -> None:
        """End the other end as well."""
        if self.other:
            self.other.transport.close()

    def pause_writing(self) -> None:
        """Let the other end hear no more for now."""
        if self.other and not self.other.transport.is_closing():
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """Let it hear again."""
        if self.other and not self.other.transport.is_closing():
            self.other.transport.resume_reading()


class _Near(_End):
    """The end that grpcio talks to."""

    def __init__(self, engine: str, pairs: "set[_Near]") -> None:
        self.engine = engine
        self.pairs = pairs
        self.opening: asyncio.Task[None] | None = None
        self.early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Open the other end."""
        super().connection_made(transport)
        self.pairs.add(self)
        self.opening = asyncio.get_running_loop().create_task(self.open())

    def data_received(self, data: bytes) -> None:
        """Keep the few bytes of a greeting until there is somebody to greet."""
        if self.other:
            super().data_received(data)
        else:
            self.early.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the pair."""
        self.pairs.discard(self)
        if self.opening:
            self.opening.cancel()
        super().connection_lost(exc)

    async def open(self) -> None:
        """Ask the engine for the upgrade; end where it does not agree."""
        loop = asyncio.get_running_loop()
        try:
            _, far = await loop.create_unix_connection(lambda: _Far(self), self.engine)
            await far.upgraded
        except OSError:
            self.transport.abort()  # grpcio then says that the daemon is not there
            return
        self.other = far
        far.transport.writelines(self.early)


class _Far(_End):
    """The end that the engine talks to."""

    def __init__(self, near: _Near) -> None:
        self.other = near
        self.head = bytearray()
        self.upgraded: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        super().connection_made(transport)
        self.transport.write(UPGRADE)

    def data_received(self, data: bytes) -> None:
        """Read the answer first, then pass on what follows."""
        if self.upgraded.done():
            super().data_received(data)
            return
        self.head += data
        head, end, rest = bytes(self.head).partition(b"\r\n\r\n")
        if not end and len(self.head) < HEAD:
            return
        if not head.startswith(b"HTTP/1.1 101"):
            self.upgraded.set_exception(ConnectionError("the engine does not upgrade"))
            self.transport.abort()
            return
        self.upgraded.set_result(None)
        if rest:
            super().data_received(rest)

    def connection_lost(self, exc: Exception | None) -> None:
        """Say so to whoever still waits."""
        if not self.upgraded.done():
            self.upgraded.set_exception(ConnectionError("the engine hung up"))
        super().connection_lost(exc)
