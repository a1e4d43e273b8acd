"""The server's side of one HTTP/2 connection, without I/O: bytes in by feed, out by take.

The protocol is h2's; here its events become streams, and its flow control our back-pressure.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

from consumers.builder.buildkit.http2.errors import ConnectionBroken
from consumers.builder.buildkit.http2.stream import WINDOW, Headers, Stream

DEFAULT: Final = 65535  # bytes of a connection's window that nobody spoke about
CALLS: Final = 128  # at once
CROWD: Final = 1024 * 1024  # bytes waiting to be sent, beyond which handlers wait
HEADERS: Final = 1024 * 1024  # bytes of one list: a large .dockerignore travels as headers


class Connection:
    """Calls ``accept`` with each new stream."""

    def __init__(self, accept: Callable[[Stream], None]) -> None:
        """Say our settings first of all."""
        self.ready = asyncio.Event()  # set while there is something to send
        self.streams: dict[int, Stream] = {}
        self._accept = accept
        self._uncredited = 0
        self._out = bytearray()
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        offer = {
            SettingCodes.MAX_CONCURRENT_STREAMS: CALLS,
            SettingCodes.INITIAL_WINDOW_SIZE: WINDOW,
            SettingCodes.MAX_HEADER_LIST_SIZE: HEADERS,
        }
        self._h2.local_settings = Settings(client=False, initial_values=offer)
        self._h2.decoder.max_header_list_size = HEADERS
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(4 * WINDOW - DEFAULT)
        self._collect()

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
        try:
            for event in self._h2.receive_data(data):
                self._handle(event)
        except ProtocolError as error:
            raise ConnectionBroken(str(error) or type(error).__name__) from error
        self._collect()

    def close(self, why: str) -> None:
        """End every call; nothing is sent any more."""
        for stream in list(self.streams.values()):
            stream.reset(why)
        self.streams.clear()

    # What a stream asks of its connection.

    def room(self, stream: int) -> int:
        """Return how many bytes may be put into the next frame of this stream."""
        if self.crowded():
            return 0
        window: int = self._h2.local_flow_control_window(stream)
        return min(window, self._h2.max_outbound_frame_size)

    def headers(self, stream: int, headers: Sequence[tuple[bytes, bytes]], *, last: bool) -> None:
        """Send headers, or trailers."""
        self._h2.send_headers(stream, headers, end_stream=last)
        self._collect()

    def data(self, stream: int, data: bytes) -> None:
        """Send one frame; there is room for it."""
        self._h2.send_data(stream, data)
        self._collect()

    def credit(self, stream: int, size: int) -> None:
        """Let the peer send so many bytes more."""
        self._h2.increment_flow_control_window(size, stream)
        self._collect()

    def end(self, stream: int, error: ErrorCodes = ErrorCodes.NO_ERROR) -> None:
        """Want no more of this stream."""
        self._h2.reset_stream(stream, error)
        self._collect()
        self.forget(stream)

    def forget(self, stream: int) -> None:
        """Let go of a stream that has ended on our side."""
        self.streams.pop(stream, None)

    def _handle(self, event: Event) -> None:
        match event:
            case DataReceived(stream_id=id):
                self._credited(event.flow_controlled_length)
                if stream := self.streams.get(id):
                    stream.take(event.data)
            case RequestReceived(stream_id=id):
                self._open(id, event.headers)
            case StreamEnded(stream_id=id):
                if stream := self.streams.get(id):
                    stream.end()
            case StreamReset(stream_id=id):
                if stream := self.streams.pop(id, None):
                    stream.reset("the daemon ended the call")
            case WindowUpdated() | RemoteSettingsChanged():
                self._wake()
            case _:
                pass  # pings are answered by h2; after GOAWAY the stream of bytes ends

    def _open(self, id: int, headers: Headers) -> None:
        stream = self.streams[id] = Stream(id, self, headers)
        self._accept(stream)

    def _credited(self, size: int) -> None:
        """Keep the connection's own window open: streams alone hold the peer back."""
        self._uncredited += size
        if self._uncredited >= WINDOW:
            self._h2.increment_flow_control_window(self._uncredited)
            self._uncredited = 0

    def _collect(self) -> None:
        self._out += self._h2.data_to_send()
        if self._out:
            self.ready.set()

    def _wake(self) -> None:
        for stream in self.streams.values():
            stream.room.set()
