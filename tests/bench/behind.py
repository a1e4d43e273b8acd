"""A function for the long trials, ``… behind PORT [WORD]``: echoes, sends, swallows and pours.

``/ws`` echoes messages, ``/sse`` sends the time twice a second, ``/sink`` counts a body,
``/flow/N`` answers N bytes; anything else is greeted, with WORD.
"""

import asyncio
import base64
import functools
import hashlib
import sys
import time
from typing import Final

import uvloop

MASK: Final = 0x80
TEXT: Final = 0x81  # one whole message
PIECE: Final = bytes(256 * 1024)
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_SOON: Final = 0.5  # seconds between events


async def serve(word: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            path = head.split(b" ", 2)[1]
            if path == b"/ws":
                await echo(head, reader, writer)
                return
            if path == b"/sse":
                await events(writer)
                return
            await answer(word, path, head, reader, writer)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        return
    finally:
        writer.close()


async def answer(
    word: bytes,
    path: bytes,
    head: bytes,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """Swallow the body, then answer of a length."""
    left = got = int(field(head, b"content-length") or b"0")
    while left:
        piece = await reader.read(min(left, len(PIECE)))
        if not piece:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(piece)
    if not path.startswith(b"/flow/"):
        body = b"%d bytes" % got if path == b"/sink" else word
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        return
    size = int(path.rpartition(b"/")[2])
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
    for start in range(0, size, len(PIECE)):
        writer.write(PIECE[: size - start])
        await writer.drain()


async def echo(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take the upgrade, then send back each message."""
    key = field(head, b"sec-websocket-key")
    accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept
    )
    while True:
        writer.write(frame(await message(reader)))
        await writer.drain()


async def events(writer: asyncio.StreamWriter) -> None:
    """Send the time of this machine's clock, for as long as somebody listens."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"data: %.6f\n\n" % time.monotonic())
        await writer.drain()
        await asyncio.sleep(_SOON)


def field(head: bytes, name: bytes) -> bytes:
    """Return a header's value, nothing without it."""
    for line in head.split(b"\r\n"):
        key, _, value = line.partition(b":")
        if key.lower() == name:
            return value.strip()
    return b""


def frame(payload: bytes, *, mask: bytes = b"") -> bytes:
    """Return one message of RFC 6455; what a client sends is masked."""
    masked = MASK if mask else 0
    if len(payload) < 126:
        head = bytes((TEXT, masked | len(payload)))
    else:
        head = bytes((TEXT, masked | 126)) + len(payload).to_bytes(2, "big")
    return head + mask + (unmasked(payload, mask) if mask else payload)


async def message(reader: asyncio.StreamReader) -> bytes:
    """Read one message of at most 64 KiB."""
    _, second = await reader.readexactly(2)
    size = second & ~MASK
    if size == 126:
        size = int.from_bytes(await reader.readexactly(2), "big")
    mask = await reader.readexactly(4) if second & MASK else b""
    payload = await reader.readexactly(size)
    return unmasked(payload, mask) if mask else payload


def unmasked(payload: bytes, mask: bytes) -> bytes:
    """Return what a mask makes of a payload; twice it is the payload again."""
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


async def main(port: int, word: bytes) -> None:
    """Serve until killed."""
    serving = functools.partial(serve, word)
    server = await asyncio.start_server(serving, "127.0.0.1", port, backlog=4096, limit=1 << 20)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1]), (sys.argv[2:] or ["hello"])[0].encode()))
