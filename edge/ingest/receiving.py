"""A request's body, received within bounds of size and time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

from edge.ingest.gate import Refusal, Share

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Mapping[bytes, bytes]

LONGEST_LENGTH: Final = 18  # digits of a Content-Length


def announced(headers: Headers, limit: int) -> None:
    """Refuse with 413 a body that says itself that it is too large."""
    length = headers.get(b"content-length", b"")
    if length.isdigit() and (len(length) > LONGEST_LENGTH or int(length) > limit):
        raise _too_large(limit)


async def received(receive: Receive, share: Share, *, limit: int, within: float) -> bytes | None:
    """Return the raw body, None when the sender has gone; counted while it comes."""
    body, more = bytearray(), True
    try:
        async with asyncio.timeout(within):
            while more:
                part = await receive()
                if part["type"] == "http.disconnect":
                    return None
                chunk, more = part.get("body", b""), part.get("more_body", False)
                if len(body) + len(chunk) > limit:
                    raise _too_large(limit)
                share.take(len(chunk))
                body += chunk
    except TimeoutError:
        raise Refusal(408, f"the body did not come within {within:g} s") from None
    return bytes(body)


def _too_large(limit: int) -> Refusal:
    return Refusal(413, f"a body has at most {limit} bytes here")
