"""The server's side of one HTTP/2 connection, without I/O: bytes in by feed, out by take."""

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from consumers.builder.buildkit.http2 import frames, hpack
from consumers.builder.buildkit.http2.errors import ConnectionBroken
from consumers.builder.buildkit.http2.frames import Frame, Kind, Setting
from consumers.builder.buildkit.http2.stream import WINDOW, Stream

DEFAULT: Final = 65535  # bytes of a window that nobody spoke about
LARGEST: Final = 2**31 - 1  # bytes of the largest window
CALLS: Final = 128  # at once
CROWD: Final = 1024 * 1024  # bytes waiting to be sent, beyond which handlers wait
REFUSED: Final = b"\0\0\0\x07"


@dataclass(slots=True)
class _Opening:
    """A call whose headers have not all come yet."""

    stream: int
    block: bytearray
    last: bool


class Connection:
    """Calls ``accept`` with each new stream."""

    def __init__(self, accept: Callable[[Stream], None]) -> None:
        """Say our settings first of all."""
        self.window = DEFAULT
        self.longest = frames.LONGEST
        self.ready = asyncio.Event()  # set while there is something to send
        self.streams: dict[int, Stream] = {}
        self._accept = accept
        self._initial = DEFAULT
        self._newest = 0
        self._uncredited = 0
        self._splitter = frames.Splitter()
        self._decoder = hpack.Decoder()
        self._opening: _Opening | None = None
        self._out = bytearray()
        offer = {Setting.MAX_CONCURRENT_STREAMS: CALLS, Setting.INITIAL_WINDOW_SIZE: WINDOW}
        self.put(frames.settings(offer))
        grown = (4 * WINDOW - DEFAULT).to_bytes(4, "big")
        self.put(frames.pack(Kind.WINDOW_UPDATE, 0, 0, grown))

    def put(self, *parts: bytes | memoryview) -> None:
        """Send these bytes after all those before them."""
        for part in parts:
            self._out += part
        self.ready.set()

    def crowded(self) -> bool:
        """Tell whether more waits to be sent than should."""
        return len(self._out) >= CROWD

    def take(self, most: int) -> bytes:
        """Return what is to be sent next, at most so many bytes."""
        crowded = self.crowded()
        taken = bytes(self._out[:most])
        del self._out[:most]
        if not self._out:
            self.ready.clear()
        if crowded and not self.crowded():
            self._wake()
        return taken

    def feed(self, data: bytes) -> None:
        """Take what the peer sent; raise ConnectionBroken where it makes no sense."""
        for frame in self._splitter.feed(data):
            if self._opening and frame.kind != Kind.CONTINUATION:
                raise ConnectionBroken("headers are interrupted by another frame")
            self._handle(frame)

    def close(self, why: str) -> None:
        """End every call; nothing is sent any more."""
        for stream in list(self.streams.values()):
            stream.reset(why)
        self.streams.clear()

    def forget(self, stream: int) -> None:
        """Let go of a stream that has ended on our side."""
        self.streams.pop(stream, None)

    def _handle(self, frame: Frame) -> None:
        match frame.kind:
            case Kind.DATA:
                self._data(frame)
            case Kind.HEADERS:
                last = bool(frame.flags & frames.END_STREAM)
                self._opening = _Opening(frame.stream, bytearray(frame.body()), last)
                self._opened(self._opening, frame)
            case Kind.CONTINUATION:
                if not self._opening or self._opening.stream != frame.stream:
                    raise ConnectionBroken("headers go on that never began")
                self._opening.block += frame.payload
                self._opened(self._opening, frame)
            case Kind.RST_STREAM:
                if stream := self.streams.pop(frame.stream, None):
                    stream.reset("the daemon ended the call")
            case Kind.SETTINGS:
                self._settings(frame)
            case Kind.PING:
                if not frame.flags & frames.ACK:
                    self.put(frames.pack(Kind.PING, frames.ACK, 0, frame.payload))
            case Kind.WINDOW_UPDATE:
                self._enlarge(frame)
            case _:
                pass  # GOAWAY: the stream of bytes ends soon; others are not for us

    def _data(self, frame: Frame) -> None:
        self._uncredited += len(frame.payload)
        if self._uncredited >= WINDOW:
            self.put(frames.pack(Kind.WINDOW_UPDATE, 0, 0, self._uncredited.to_bytes(4, "big")))
            self._uncredited = 0
        if stream := self.streams.get(frame.stream):
            stream.take(frame.body(), last=bool(frame.flags & frames.END_STREAM))
        elif frame.stream > self._newest:
            raise ConnectionBroken("data for a call that was never made")

    def _opened(self, opening: _Opening, frame: Frame) -> None:
        """Go on with headers; when they are whole, make the stream."""
        if len(opening.block) > hpack.LONGEST:
            raise ConnectionBroken("a list of headers is too long")
        if not frame.flags & frames.END_HEADERS:
            return
        self._opening = None
        headers = self._decoder.decode(bytes(opening.block))  # always: the table is shared
        if known := self.streams.get(opening.stream):
            known.take(b"", last=True)  # trailers; a client's mean nothing in gRPC
            return
        if opening.stream <= self._newest or not opening.stream % 2:
            raise ConnectionBroken("a call has a number that it may not have")
        self._newest = opening.stream
        if len(self.streams) >= CALLS:
            self.put(frames.pack(Kind.RST_STREAM, 0, opening.stream, REFUSED))
            return
        stream = Stream(opening.stream, self, headers, self._initial)
        self.streams[opening.stream] = stream
        if opening.last:
            stream.take(b"", last=True)
        self._accept(stream)

    def _settings(self, frame: Frame) -> None:
        if frame.flags & frames.ACK:
            return
        if len(frame.payload) % 6:
            raise ConnectionBroken("settings are cut short")
        for name, value in struct.iter_unpack(">HI", frame.payload):
            if name == Setting.INITIAL_WINDOW_SIZE:
                if value > LARGEST:
                    raise ConnectionBroken("a window is too large")
                for stream in self.streams.values():
                    stream.window += value - self._initial
                self._initial = value
            elif name == Setting.MAX_FRAME_SIZE:
                self.longest = max(frames.LONGEST, min(value, 2**24 - 1))
        self.put(frames.pack(Kind.SETTINGS, frames.ACK, 0))
        self._wake()

    def _enlarge(self, frame: Frame) -> None:
        if len(frame.payload) != 4:
            raise ConnectionBroken("a window update is cut short")
        more = int.from_bytes(frame.payload, "big") & LARGEST
        if frame.stream == 0:
            self.window += more
            if self.window > LARGEST:
                raise ConnectionBroken("a window is too large")
            self._wake()
        elif stream := self.streams.get(frame.stream):
            stream.window += more
            stream.room.set()

    def _wake(self) -> None:
        for stream in self.streams.values():
            stream.room.set()
