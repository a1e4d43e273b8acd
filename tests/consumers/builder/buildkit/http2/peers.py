"""An independent client of our HTTP/2: grpcio's own, over a socket."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import grpc

from consumers.builder.buildkit.calls import OPTIONS
from consumers.builder.buildkit.http2.errors import ConnectionBroken
from consumers.builder.buildkit.http2.server import Handler, Server


def _same(message: bytes) -> bytes:
    return message


class Peer:
    """Calls whose messages are plain bytes."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Take a channel."""
        self.channel = channel

    def unary(self, path: str) -> grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]:
        """Return a method that takes one message and answers one."""
        return self.channel.unary_unary(path, _same, _same)

    def answers(self, path: str) -> grpc.aio.UnaryStreamMultiCallable[bytes, bytes]:
        """Return a method that takes one message and answers many."""
        return self.channel.unary_stream(path, _same, _same)

    def both(self, path: str) -> grpc.aio.StreamStreamMultiCallable[bytes, bytes]:
        """Return a method that takes many messages and answers many."""
        return self.channel.stream_stream(path, _same, _same)


@contextlib.asynccontextmanager
async def served(
    folder: Path, handlers: Mapping[str, Handler], failures: list[Exception]
) -> AsyncIterator["Peer"]:
    """Yield a client of a server of ours that answers by these handlers."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = Server(handlers, failures.append)

        async def up() -> None:
            while True:
                await server.connection.ready.wait()
                writer.write(server.connection.take(64 * 1024))
                await writer.drain()

        task = asyncio.create_task(up())
        try:
            # A cancelled connection is logged as an error by asyncio's streams.
            with contextlib.suppress(ConnectionBroken, ConnectionError, asyncio.CancelledError):
                while data := await reader.read(64 * 1024):
                    server.connection.feed(data)
        finally:
            task.cancel()
            await server.close("the connection has ended")
            writer.close()

    path = folder / "http2.sock"
    listener = await asyncio.start_unix_server(carry, path)
    async with listener, grpc.aio.insecure_channel(f"unix:{path}", options=OPTIONS) as channel:
        yield Peer(channel)
