"""One gRPC call on a connection, seen by the handler that answers it."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol, TypeAlias
from urllib.parse import quote

from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError

from consumers.builder.buildkit.http2.errors import Abort, Code, StreamReset

Headers: TypeAlias = list[tuple[bytes, bytes]]

WINDOW: Final = 1024 * 1024  # bytes that a call may send us ahead of its handler
MESSAGE: Final = 16 * 1024 * 1024  # bytes of the longest message we take
PREFIX: Final = 5  # bytes before a message: not compressed, its length
OPENING: Final = ((b":status", b"200"), (b"content-type", b"application/grpc"))


def framed(message: bytes) -> bytes:
    """Return a message as gRPC sends it."""
    return b"\0" + len(message).to_bytes(4, "big") + message


class Wire(Protocol):
    """The connection as its streams see it."""

    def room(self, stream: int) -> int:
        """Return how many bytes may be put into the next frame of this stream."""
        ...

    def headers(self, stream: int, headers: Sequence[tuple[bytes, bytes]], *, last: bool) -> None:
        """Send headers, or trailers."""
        ...

    def data(self, stream: int, data: bytes) -> None:
        """Send one frame; there is room for it."""
        ...

    def credit(self, stream: int, size: int) -> None:
        """Let the peer send so many bytes more."""
        ...

    def end(self, stream: int, error: ErrorCodes = ErrorCodes.NO_ERROR) -> None:
        """Want no more of this stream."""
        ...

    def forget(self, stream: int) -> None:
        """Let go of a stream that has ended on our side."""
        ...


class Stream:
    """Messages come by ``read``, go by ``write``; at most WINDOW bytes wait on either side."""

    def __init__(self, id: int, wire: Wire, headers: Headers) -> None:
        """Take a call as it was opened."""
        self.id = id
        self.headers = headers
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
            if self._reset:
                raise self._reset
            self._open()
            view = memoryview(messages)
            while view:
                if self._reset:
                    raise self._reset
                most = min(len(view), self._wire.room(self.id))
                if most <= 0:
                    self.room.clear()
                    await self.room.wait()
                    continue
                self._wire.data(self.id, bytes(view[:most]))
                view = view[most:]

    def finish(self, code: Code = Code.OK, message: str = "") -> None:
        """End the call with a status, once."""
        if self._finished or self._reset:
            return
        self._finished = True
        trailers = [(b"grpc-status", str(int(code)).encode())]
        if message:
            trailers.append((b"grpc-message", quote(message, safe=" ,:;/()[]'\"").encode()))
        opening = () if self._opened else OPENING
        with suppress(ProtocolError):  # the peer has gone: there is nobody to tell
            self._wire.headers(self.id, [*opening, *trailers], last=True)
            if not self._ended:  # no error: we have heard enough (RFC 9113, 8.1)
                self._wire.end(self.id)
        self._wire.forget(self.id)

    def take(self, data: bytes) -> None:
        """Take what the peer sent; called by the connection."""
        self._uncredited += len(data)
        part = self._part
        part += data
        at = 0
        while len(part) - at >= PREFIX:
            length = int.from_bytes(part[at + 1 : at + PREFIX], "big")
            if part[at] or length > MESSAGE:
                self.reset("a message is compressed or too long")
                with suppress(ProtocolError):
                    self._wire.end(self.id, ErrorCodes.ENHANCE_YOUR_CALM)
                self._wire.forget(self.id)
                return
            end = at + PREFIX + length
            if end > len(part):
                break
            self._messages.append(bytes(part[at + PREFIX : end]))
            self._waiting += length
            at = end
        del part[:at]
        self._credit()
        self._arrived.set()

    def end(self) -> None:
        """Know that the peer has said all; called by the connection."""
        self._ended = True
        self._arrived.set()

    def reset(self, why: str) -> None:
        """Wake everybody who waits with StreamReset; called by the connection."""
        self._reset = self._reset or StreamReset(why)
        self._arrived.set()
        self.room.set()

    def _open(self) -> None:
        if not self._opened:
            self._opened = True
            self._wire.headers(self.id, OPENING, last=False)

    def _credit(self) -> None:
        """Let the peer send on, unless the handler has enough to do."""
        if self._uncredited >= WINDOW // 4 and self._waiting < WINDOW // 2 and not self._ended:
            with suppress(ProtocolError):  # reset by what came right behind these bytes
                self._wire.credit(self.id, self._uncredited)
            self._uncredited = 0
