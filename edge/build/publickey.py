"""``GET /publickey``: what faas-cli seals the secrets of one build with; anybody may have it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from edge.build.answers import whole
from edge.ingest.receiving import Message, Receive, Send
from schemas.errors import PushlineError
from schemas.secrets import PublicKey

PATH: Final = "/publickey"
PLAIN: Final = b"text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class PublicKeyPage:
    """ASGI application; it needs no token, for who may build is asked by ``/build``."""

    key: Callable[[], Awaitable[PublicKey]]

    async def __call__(self, scope: Message, _: Receive, send: Send) -> None:
        """Answer 200, 405, or 500 where the keys cannot be used."""
        if scope["method"] != "GET":
            await whole(send, 405, PLAIN, b"GET it\n", (b"allow", b"GET"))
            return
        try:
            body = msgspec.json.encode(await self.key())
        except PushlineError as error:
            await whole(send, 500, PLAIN, f"there is no key: {error.code}\n".encode())
            return
        await whole(send, 200, b"application/json", body)
