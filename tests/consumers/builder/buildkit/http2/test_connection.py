"""Peers that do not keep to HTTP/2, and the small print of those that do."""

import struct

import pytest
from hpack import Encoder
from hypothesis import given
from hypothesis import strategies as st

from consumers.builder.buildkit.http2.connection import CALLS, Connection
from consumers.builder.buildkit.http2.errors import ConnectionBroken, StreamReset
from consumers.builder.buildkit.http2.stream import Stream

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
REQUEST = [(":method", "POST"), (":scheme", "http"), (":path", "/t/x"), (":authority", "x")]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return a frame, made by hand: a library would not make the wrong ones."""
    return len(payload).to_bytes(3, "big") + struct.pack(">BBI", kind, flags, stream) + payload


def opening(stream: int, flags: int = END_HEADERS) -> bytes:
    """Return the frame that opens a call."""
    return frame(HEADERS, flags, stream, Encoder().encode(REQUEST))


def greeted(*after: bytes) -> tuple[Connection, list[Stream]]:
    """Return a connection whose peer has greeted and said these, and its streams."""
    streams: list[Stream] = []
    connection = Connection(streams.append)
    connection.take(1 << 30)
    connection.feed(PREFACE + frame(SETTINGS, 0, 0))
    connection.take(1 << 30)
    connection.feed(b"".join(after))
    return connection, streams


def answers(connection: Connection) -> list[tuple[int, int, bytes]]:
    """Return kind, stream and payload of what is to be sent."""
    data, found = connection.take(1 << 30), []
    while data:
        end = 9 + int.from_bytes(data[:3], "big")
        found.append((data[3], int.from_bytes(data[5:9], "big"), data[9:end]))
        data = data[end:]
    return found


async def test_it_works_byte_by_byte() -> None:
    """Whatever the pieces in which bytes arrive, the same calls are made."""
    streams: list[Stream] = []
    connection = Connection(streams.append)
    data = frame(DATA, END_STREAM, 1, b"\0\0\0\0\2hi")

    for byte in PREFACE + frame(SETTINGS, 0, 0) + opening(1) + data:
        connection.feed(bytes([byte]))

    (stream,) = streams
    assert (stream.path, await stream.read_all()) == ("/t/x", [b"hi"])
    assert await stream.read_all() == []


async def test_padding_is_dropped() -> None:
    """What pads a frame is no part of it."""
    _, (stream,) = greeted(opening(1), frame(DATA, PADDED, 1, b"\x02\0\0\0\0\1x" + bytes(2)))

    assert await stream.read() == b"x"


async def test_a_ping_is_answered() -> None:
    """A daemon measures the way by pings; each comes back, and its answers to us do not."""
    ping = frame(PING, 0, 0, b"12345678")
    connection, _ = greeted(ping, frame(PING, ACK, 0, b"87654321"))

    assert answers(connection) == [(PING, 0, b"12345678")]


async def test_unknown_frames_are_ignored() -> None:
    """Frames of kinds that came later than us mean nothing."""
    connection, _ = greeted(frame(77, 0, 0, b"?"))

    assert answers(connection) == []


async def test_a_smaller_window_is_kept_to() -> None:
    """A peer may shrink its windows at any time; we then wait until it grows them."""
    shrink = frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 10))
    connection, (stream,) = greeted(opening(1), shrink)

    assert connection.room(stream.id) == 10
    connection.feed(frame(WINDOW_UPDATE, 0, 1, struct.pack(">I", 5)))
    assert connection.room(stream.id) == 15


async def test_a_call_that_is_reset() -> None:
    """Whoever reads or writes hears of it, at once and afterwards."""
    _, (stream,) = greeted(opening(1), frame(RESET, 0, 1, bytes(4)))

    with pytest.raises(StreamReset):
        await stream.read()
    with pytest.raises(StreamReset):
        await stream.write(b"\0\0\0\0\0")
    stream.finish()


async def test_a_message_that_is_too_long_or_compressed() -> None:
    """Such a call is ended, the connection is not."""
    long = frame(DATA, 0, 1, b"\0\xff\xff\xff\xff")
    compressed = frame(DATA, 0, 3, b"\1\0\0\0\0")
    connection, streams = greeted(opening(1), opening(3), long, compressed)

    assert [stream for kind, stream, _ in answers(connection) if kind == RESET] == [1, 3]
    for stream in streams:
        with pytest.raises(StreamReset, match="compressed or too long"):
            await stream.read()


async def test_a_message_that_is_cut_short() -> None:
    """A call that ends within a message is an error, not a shorter message."""
    _, (stream,) = greeted(opening(1), frame(DATA, END_STREAM, 1, b"\0\0\0\0\5hi"))

    with pytest.raises(Exception, match="cut short"):
        await stream.read()


@pytest.mark.parametrize(
    "said",
    [
        frame(DATA, 0, 1, b"x" * 16385),
        opening(2),
        opening(0),
        opening(3) + opening(1),
        opening(1, 0) + frame(PING, 0, 0, bytes(8)),
        opening(1, 0) + frame(CONTINUATION, END_HEADERS, 3),
        frame(CONTINUATION, END_HEADERS, 1),
        frame(DATA, 0, 1, b"x"),
        opening(1) + frame(DATA, PADDED, 1, b"\x09x"),
        frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 2**31)),
        frame(WINDOW_UPDATE, 0, 0, b"1"),
        frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff"),
        frame(HEADERS, END_HEADERS, 1, b"\xff"),
        b"".join(opening(1 + 2 * number) for number in range(CALLS + 1)),
    ],
)
async def test_what_makes_no_sense_ends_the_connection(said: bytes) -> None:
    """Each breach of the protocol is found."""
    with pytest.raises(ConnectionBroken):
        greeted(said)


async def test_somebody_who_speaks_something_else() -> None:
    """HTTP/1.1 is not what a daemon speaks here."""
    with pytest.raises(ConnectionBroken):
        Connection(lambda _: None).feed(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")


@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 255), st.integers(0, 5), st.binary())))
async def test_no_frames_surprise(said: list[tuple[int, int, int, bytes]]) -> None:
    """Any sequence of frames is understood or breaks the connection; nothing else is raised."""
    try:
        greeted(*(frame(*one) for one in said))
    except ConnectionBroken:
        return
