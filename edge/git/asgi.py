"""Bare ASGI: its types, one short answer, and knowing that the client has gone."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import aclosing
from typing import Any, Final

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Gone = asyncio.Future[None]  # done when the client has closed the connection
Headers = list[tuple[bytes, bytes]]

# Of git's own server: no cache may keep any answer (gitprotocol-http).
NEVER_CACHED: Final[Headers] = [
    (b"expires", b"Fri, 01 Jan 1980 00:00:00 GMT"),
    (b"pragma", b"no-cache"),
    (b"cache-control", b"no-cache, max-age=0, must-revalidate"),
]


async def start(send: Send, status: int, kind: str, *more: tuple[bytes, bytes]) -> None:
    """Send status and headers of an answer whose body follows."""
    headers = [(b"content-type", kind.encode()), *NEVER_CACHED, *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def answer(
    send: Send, status: int, body: bytes, kind: str, *more: tuple[bytes, bytes]
) -> None:
    """Send a whole answer."""
    await start(send, status, kind, (b"content-length", b"%d" % len(body)), *more)
    await send({"type": "http.response.body", "body": body})


async def refuse(send: Send, status: int, message: str, *more: tuple[bytes, bytes]) -> None:
    """Send an error as plain text, which git shows as ``remote:`` lines."""
    await answer(send, status, f"{message}\n".encode(), "text/plain; charset=utf-8", *more)


async def stream(send: Send, chunks: AsyncGenerator[bytes, None], gone: Gone) -> None:
    """Send the body of a started answer as it comes, unless the client has gone."""
    async with aclosing(chunks):
        async for chunk in chunks:
            if gone.done():
                return
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def disconnected(receive: Receive) -> None:
    """Return when the client has gone; only to be called after the whole body was read."""
    while (await receive())["type"] != "http.disconnect":
        pass
