"""Request bodies: spooled to a file, inflated, counted on both sides of the inflation."""

import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import IO, Final

from bus.blocking import run_blocking
from edge.git.asgi import Receive
from edge.git.errors import ClientGone, ProtocolBroken

PIECE: Final = 1 << 20  # bytes written at once, the most that a bomb gets of memory
PATIENCE: Final = 10  # times the limit that is still read, so that git hears why it was refused


class BodyTooLarge(ProtocolBroken):
    """A body went on far over the limit; the connection has to be closed."""

    code = "git_body_too_large"


async def spool(
    receive: Receive, headers: Mapping[bytes, bytes], file: IO[bytes], limit: int
) -> bool:
    """Write the body, inflated, to ``file`` and rewind it; tell whether all of it is there.

    Over ``limit`` bytes, sent or inflated, the rest is read and dropped: git shows an answer
    only after it has sent everything. Raises BodyTooLarge when that takes too long, ClientGone,
    ProtocolBroken for a damaged gzip stream.
    """
    encoding = headers.get(b"content-encoding", b"identity").strip().lower()
    if encoding not in (b"identity", b"gzip", b"x-gzip"):
        raise ProtocolBroken(f"a body in {encoding.decode('latin-1')} is not understood")
    inflate = _Inflation() if encoding != b"identity" else None
    sent = size = 0
    async for part in _parts(receive):
        sent += len(part)
        if sent > limit * PATIENCE:
            raise BodyTooLarge(f"the body has over {sent} bytes")
        if size > limit:
            continue
        for piece in inflate.pieces(part) if inflate else (part,):
            await run_blocking(file.write, piece[: limit - size])  # its head names the refs
            size += len(piece)
            if size > limit:
                break
    whole = max(sent, size) <= limit
    if whole and inflate and not inflate.ended:
        raise ProtocolBroken("the gzip stream of the body is cut off")
    await run_blocking(file.seek, 0)
    return whole


async def _parts(receive: Receive) -> AsyncIterator[bytes]:
    more, pending = True, bytearray()
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone("the client closed the connection while it was sending")
        pending += message.get("body", b"")
        more = message.get("more_body", False)
        if len(pending) >= PIECE or (pending and not more):
            yield bytes(pending)
            pending.clear()


class _Inflation:
    """One gzip stream; nothing may follow it."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=31)

    @property
    def ended(self) -> bool:
        return self._stream.eof

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Yield what ``data`` inflates to, a bounded piece at a time."""
        if self._stream.eof and data:
            raise ProtocolBroken("something follows the gzip stream of the body")
        try:
            while data:
                if piece := self._stream.decompress(data, PIECE):
                    yield piece
                data = self._stream.unconsumed_tail
        except zlib.error as error:
            raise ProtocolBroken(f"the gzip stream of the body is damaged: {error}") from error
        if self._stream.unused_data:
            raise ProtocolBroken("something follows the gzip stream of the body")
