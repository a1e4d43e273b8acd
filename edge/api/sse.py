"""Server-sent events: an answer that goes on, to a reader that may be slow, gone, or not allowed.

Each event's id is its sequence in the log. Who was cut off sends the last one as Last-Event-ID
and misses nothing. What a slow reader has not taken waits in his own connection's buffers, some
hundred KiB at most, for the log keeps the rest; one that takes nothing for 30 s is cut off.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, Final

import structlog

from edge.api import instruments

log = structlog.get_logger(__name__)

STALL: Final = 30.0  # seconds in which a reader has to take something
HEADERS: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would hold it back
)
BEGIN: Final = b"retry: 1000\n\n"  # milliseconds after which a browser comes again

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Frames = AsyncGenerator[bytes, None]


def event(seq: int, body: bytes) -> bytes:
    """Return one event; ``body`` is JSON, which has no line breaks."""
    return b"id: %d\ndata: %s\n\n" % (seq, body)


def alive(seq: int) -> bytes:
    """Return a sign of life; the id tells how far there was nothing to see."""
    return b": alive\nid: %d\n\n" % seq


def end(reason: str) -> bytes:
    """Return the last event: why there will be no more."""
    return b'event: end\ndata: {"reason":"%s"}\n\n' % reason.encode()


class EventStream:
    """The answer; an ASGI application."""

    def __init__(self, frames: Frames, left: Callable[[], None]) -> None:
        """Send ``frames``; ``left`` is called once, when no more are sent."""
        self._frames = frames
        self._left = left

    async def __call__(self, _: Any, receive: Any, send: Any) -> None:  # as litestar types them
        """Answer one request."""
        gone = asyncio.create_task(_gone(receive))
        reason = "stopped"
        try:
            await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
            reason = await self._sent(send, gone)
        finally:
            gone.cancel()
            instruments.ended.labels(reason).inc()
            with suppress(Exception):  # what ended the frames was told already
                await self._frames.aclose()
            self._left()

    async def _sent(self, send: Send, gone: asyncio.Task[None]) -> str:
        """Send all frames; return why that was all."""
        while (frame := await self._next(gone)) is not None:
            try:
                async with asyncio.timeout(STALL):
                    await send(_body(frame, more=True))
            except TimeoutError:
                log.info("tail_cut_off", why="nothing was taken", seconds=STALL)
                return "slow"
        if gone.done():
            return "left"
        with suppress(TimeoutError):
            async with asyncio.timeout(STALL):
                await send(_body(b"", more=False))
        return "ended"

    async def _next(self, gone: asyncio.Task[None]) -> bytes | None:
        """Return the next frame; None after the last, and as soon as the reader has left."""
        coming = asyncio.ensure_future(anext(self._frames, None))
        try:
            await asyncio.wait((coming, gone), return_when=asyncio.FIRST_COMPLETED)
            return None if gone.done() else coming.result()
        finally:
            if not coming.done():
                coming.cancel()
                await asyncio.wait((coming,))


def _body(frame: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": frame, "more_body": more}


async def _gone(receive: Receive) -> None:
    """Return when the reader has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
