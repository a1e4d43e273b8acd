"""`/.well-known/jwks.json`: the public keys, for whoever verifies our sessions by himself."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from edge.auth.keys import Keys

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PATH: Final = "/.well-known/jwks.json"


@dataclass(frozen=True, slots=True)
class Jwks:
    """ASGI application; what it tells is meant for everybody."""

    keys: Keys

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Answer the keys that are good; a moment's cache is shorter than a new key waits."""
        body = msgspec.json.encode(self.keys.jwks())
        headers = [
            (b"content-type", b"application/jwk-set+json"),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"public, max-age=2"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
