"""One gRPC call on a connection, seen by the handler that answers it."""

import asyncio
from collections import deque
from typing import Final, Protocol
from urllib.parse import quote

from consumers.builder.buildkit.http2 import frames, hpack
from consumers.builder.buildkit.http2.errors import Abort, Code, StreamReset
from consumers.builder.buildkit.http2.frames import Kind

WINDOW: Final = 1024 * 1024  # bytes that a call may send us ahead of its handler
MESSAGE: Final = 16 * 1024 * 1024  # bytes of the longest message we take
PREFIX: Final = 5  # bytes before a message: not compressed, its length
OPENING: Final = ((b":status", b"200"), (b"content-type", b"application/grpc"))


def framed(message: bytes) -> bytes:
    """Return a message as gRPC sends it."""
    return b"\0" + len(message).to_bytes(4, "big") + message


class Wire(Protocol):
    """The connection as its streams see it."""

    window: int  # bytes we may send on all streams together
    longest: int  # bytes of a frame the peer takes

    def put(self, *parts: bytes | memoryview) -> None:
        """Send these bytes after all those before them."""
        ...

    def crowded(self) -> bool:
        """Tell whether more waits to be sent than should."""
        ...

    def forget(self, stream: int) -> None:
        """Let go of a stream that has ended on our side."""
        ...


class Stream:
    """Messages come by ``read``, go by ``write``; at most WINDOW bytes wait on either side."""

    def __init__(self, id: int, wire: Wire, headers: hpack.Headers, window: int) -> None:
        """Take a call as it was opened."""
        self.id = id
        self.headers = headers
        self.window = window  # bytes we may send
        self.room = asyncio.Event()  # set when there may be more of it
        self._wire = wire
        self._arrived = asyncio.Event()
        self._messages: deque[bytes] = deque()
        self._waiting = 0  # bytes of those
        self._part = bytearray()  # of the next one
        self._uncredited = 0
        self._ended = self._opened = self._finished = False
        self._reset: StreamReset | None = None
        self._writing = asyncio.Lock()

    @property
    def path(self) -> str:
        """Return which method is called."""
        return dict(self.headers).get(b":path", b"").decode("ascii", "replace")

    def values(self, name: str) -> list[bytes]:
        """Return every value of a header."""
        wanted = name.encode()
        return [value for key, value in self.headers if key == wanted]

    async def read(self) -> bytes | None:
        """Return the next message, None after the last; raise StreamReset."""
        while not self._messages:
            if self._reset:
                raise self._reset
            if self._ended:
                if self._part:
                    raise Abort(Code.INTERNAL, "the last message is cut short")
                return None
            self._arrived.clear()
            await self._arrived.wait()
        message = self._messages.popleft()
        self._waiting -= len(message)
        self._credit()
        return message

    async def read_all(self) -> list[bytes]:
        """Return every message that is here, at least one; [] after the last."""
        first = await self.read()
        if first is None:
            return []
        messages = [first, *self._messages]
        self._messages.clear()
        self._waiting = 0
        self._credit()
        return messages

    async def write(self, messages: bytes) -> None:
        """Send framed messages as the peer makes room for them; raise StreamReset."""
        async with self._writing:
            self._open()
            view = memoryview(messages)
            while view:
                if self._reset:
                    raise self._reset
                most = min(len(view), self.window, self._wire.window, self._wire.longest)
                if most <= 0 or self._wire.crowded():
                    self.room.clear()
                    await self.room.wait()
                    continue
                self.window -= most
                self._wire.window -= most
                self._wire.put(frames.head(most, Kind.DATA, 0, self.id), view[:most])
                view = view[most:]

    def finish(self, code: Code = Code.OK, message: str = "") -> None:
        """End the call with a status, once."""
        if self._finished or self._reset:
            return
        self._finished = True
        trailers = [(b"grpc-status", str(int(code)).encode())]
        if message:
            trailers.append((b"grpc-message", quote(message, safe=" ,:;/()[]'\"").encode()))
        block = hpack.encode(trailers if self._opened else [*OPENING, *trailers])
        flags = frames.END_HEADERS | frames.END_STREAM
        self._wire.put(frames.pack(Kind.HEADERS, flags, self.id, block[: frames.LONGEST]))
        if not self._ended:  # no error: we have heard enough (RFC 9113, 8.1)
            self._wire.put(frames.pack(Kind.RST_STREAM, 0, self.id, bytes(4)))
        self._wire.forget(self.id)

    def take(self, data: bytes, *, last: bool) -> None:
        """Take what the peer sent; called by the connection."""
        self._uncredited += len(data)
        part = self._part
        part += data
        at = 0
        while len(part) - at >= PREFIX:
            length = int.from_bytes(part[at + 1 : at + PREFIX], "big")
            if part[at] or length > MESSAGE:
                self.reset("a message is compressed or too long")
                self._wire.put(frames.pack(Kind.RST_STREAM, 0, self.id, b"\0\0\0\x0b"))
                self._wire.forget(self.id)
                return
            end = at + PREFIX + length
            if end > len(part):
                break
            self._messages.append(bytes(part[at + PREFIX : end]))
            self._waiting += length
            at = end
        del part[:at]
        self._ended = self._ended or last
        self._credit()
        self._arrived.set()

    def reset(self, why: str) -> None:
        """Wake everybody who waits with StreamReset; called by the connection."""
        self._reset = self._reset or StreamReset(why)
        self._arrived.set()
        self.room.set()

    def _open(self) -> None:
        if not self._opened:
            self._opened = True
            block = hpack.encode(OPENING)
            self._wire.put(frames.pack(Kind.HEADERS, frames.END_HEADERS, self.id, block))

    def _credit(self) -> None:
        """Let the peer send on, unless the handler has enough to do."""
        if self._uncredited >= WINDOW // 4 and self._waiting < WINDOW // 2 and not self._ended:
            credit = self._uncredited.to_bytes(4, "big")
            self._wire.put(frames.pack(Kind.WINDOW_UPDATE, 0, self.id, credit))
            self._uncredited = 0
