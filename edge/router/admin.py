"""What operators ask a router: /healthz and /metrics on a port apart, numbers on a Unix socket.

Nothing of it touches the way of a request: numbers are read when somebody asks for them.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

import msgspec

from edge.router.counters import Counted, counted

if TYPE_CHECKING:
    from edge.router.router import Router

_PATIENCE: Final = 5.0  # seconds for one request
_LONGEST: Final = 16 * 1024  # bytes of its head
_PLAIN: Final = "text/plain; charset=utf-8"


class Admin:
    """Answers one request per connection."""

    def __init__(self, router: "Router") -> None:
        """Tell of this router."""
        self._router = router

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read a request, answer it, hang up."""
        try:
            async with asyncio.timeout(_PATIENCE):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(await self._answer(head.split(b" ", 2)))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever asked has gone, or never meant it
        finally:
            writer.close()

    async def _answer(self, words: list[bytes]) -> bytes:
        match words[:2]:
            case [b"GET", b"/healthz"]:
                draining = self._router.draining
                return _whole(503 if draining else 200, b"draining\n" if draining else b"ok\n")
            case [b"GET", b"/counted"]:
                body = msgspec.json.encode(counted(self._router))
                return _whole(200, body, "application/json")
            case [b"GET", b"/metrics"]:
                numbers = counted(self._router)
                name = self._router.settings.name
                return _whole(200, *await asyncio.to_thread(_exposition, name, numbers))
            case _:
                return _whole(404, b"there are /healthz and /metrics\n")


def _exposition(name: str, numbers: Counted) -> tuple[bytes, str]:
    from prometheus_client import CONTENT_TYPE_LATEST  # where nobody asks, nothing is imported

    from edge.router import instruments

    return instruments.exposition(name, numbers), CONTENT_TYPE_LATEST


def _whole(status: int, body: bytes, kind: str = _PLAIN) -> bytes:
    reason = {200: "OK", 404: "Not Found", 503: "Service Unavailable"}[status]
    head = (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


@asynccontextmanager
async def answering(router: "Router") -> AsyncIterator[None]:
    """Answer where the settings say, if they say so."""
    settings, admin = router.settings, Admin(router)
    async with AsyncExitStack() as stack:
        if settings.metrics_fd >= 0:
            listener = socket.socket(fileno=settings.metrics_fd)
            await stack.enter_async_context(
                await asyncio.start_server(admin.serve, sock=listener, limit=_LONGEST)
            )
        if settings.metrics_socket is not None:
            settings.metrics_socket.unlink(missing_ok=True)
            await stack.enter_async_context(
                await asyncio.start_unix_server(
                    admin.serve, settings.metrics_socket, limit=_LONGEST
                )
            )
            settings.metrics_socket.chmod(0o600)
        yield
