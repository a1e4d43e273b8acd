"""Frames of HTTP/2 (RFC 9113, 4 and 6)."""

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from consumers.builder.buildkit.http2.errors import ConnectionBroken

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
LONGEST: Final = 16384  # bytes of a frame that we take; we do not offer more
HEAD: Final = 9

END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
PRIORITISED: Final = 0x20


class Kind(IntEnum):
    """What a frame is for; kinds that are not here are ignored, as the RFC asks."""

    DATA = 0
    HEADERS = 1
    RST_STREAM = 3
    SETTINGS = 4
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


class Setting(IntEnum):
    """A parameter of SETTINGS."""

    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it came."""

    kind: int
    flags: int
    stream: int
    payload: bytes

    def body(self) -> bytes:
        """Return a DATA's or HEADERS' payload without padding and priority."""
        start, end = 0, len(self.payload)
        if self.flags & PADDED:
            start = 1
            end -= self.payload[0] if self.payload else 0
        if self.kind == Kind.HEADERS and self.flags & PRIORITISED:
            start += 5
        if start > end:
            raise ConnectionBroken("a frame is padded beyond its end")
        return self.payload[start:end]


@dataclass(slots=True)
class Splitter:
    """Cuts what arrives into frames."""

    held: bytearray = field(default_factory=bytearray)
    greeted: bool = False

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that are whole by now; raise ConnectionBroken."""
        self.held += data
        frames: list[Frame] = []
        at = 0
        if not self.greeted:
            if len(self.held) < len(PREFACE):
                return frames
            if not self.held.startswith(PREFACE):
                raise ConnectionBroken("the peer does not begin as HTTP/2 does")
            self.greeted, at = True, len(PREFACE)
        held = self.held
        while len(held) - at >= HEAD:
            length = int.from_bytes(held[at : at + 3], "big")
            if length > LONGEST:
                raise ConnectionBroken("a frame is longer than we allow")
            start = at + HEAD
            if len(held) < start + length:
                break
            stream = int.from_bytes(held[at + 5 : start], "big") & 0x7FFFFFFF
            payload = bytes(held[start : start + length])
            frames.append(Frame(held[at + 3], held[at + 4], stream, payload))
            at = start + length
        del held[:at]
        return frames


def head(length: int, kind: int, flags: int, stream: int) -> bytes:
    """Return the nine bytes before a payload."""
    return struct.pack(">HBBBI", length >> 8, length & 255, kind, flags, stream)


def pack(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return a whole frame."""
    return head(len(payload), kind, flags, stream) + payload


def settings(values: dict[Setting, int]) -> bytes:
    """Return a SETTINGS frame."""
    payload = b"".join(struct.pack(">HI", name, value) for name, value in values.items())
    return pack(Kind.SETTINGS, 0, 0, payload)
