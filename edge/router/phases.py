"""What a caller's connection is at, and what both sides agree on."""

from typing import Final

HEAD: Final = 0  # no request, or the beginning of one
BODY: Final = 1  # a request whose body still comes
SENT: Final = 2  # a request that came whole
TUNNEL: Final = 3  # a WebSocket
LINGER: Final = 4  # answered, and read on for a while

HIGH_WATER: Final = 256 * 1024  # bytes that wait to be written before the other side is held
ABORTED: Final = 499  # nginx's word for a caller that left
