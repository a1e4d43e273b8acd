"""One port's paths to their applications; bare ASGI, for ingest wants no framework in front."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec
import structlog

from bus import telemetry
from edge.api import problems
from edge.api.access import Access, HostUnknown, OriginForeign, TokenMissing
from edge.cli import page
from schemas.errors import PushlineError

log = structlog.get_logger(__name__)

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]  # each names ASGI its own way

PLAIN, HTML = b"text/plain; charset=utf-8", b"text/html; charset=utf-8"
CHALLENGE = (b"www-authenticate", b'Basic realm="Pushline", charset="UTF-8"')


async def own_metrics() -> bytes:
    """Return what this process counts."""
    return telemetry.exposition()


@dataclass(frozen=True, slots=True)
class Dispatch:
    """The platform's ASGI application."""

    access: Access
    webhooks: dict[str, Application]  # by whole path; they verify signatures themselves
    git: Application  # asks for the token in its own way
    api: Application
    front: bytes  # the page at /
    metrics: Callable[[], Awaitable[bytes]] = own_metrics

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Hand a request to whom it belongs; /api and /metrics need the token."""
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        try:
            self.access.host(scope)
            if webhook := self.webhooks.get(path):
                await webhook(scope, receive, send)
            elif path == "/healthz":
                await answer(send, 200, PLAIN, b"ok\n")
            elif path.startswith("/git/"):
                await self.git(scope, receive, send)
            elif path == "/":
                await answer(send, 200, HTML, self.front, *page.HEADERS)
            else:
                await self._guarded(path, scope, receive, send)
        except HostUnknown as error:
            await refuse(send, 421, path, error)
        except OriginForeign as error:
            await refuse(send, 403, path, error)
        except TokenMissing as error:
            await refuse(send, 401, path, error, CHALLENGE)

    async def _guarded(self, path: str, scope: Message, receive: Receive, send: Send) -> None:
        self.access.origin(scope)
        scope["user"] = self.access.authorize(scope)  # a label, for the record
        if path == "/api" or path.startswith("/api/"):
            await self.api(scope, receive, send)
        elif path == "/metrics":
            await answer(send, 200, telemetry.CONTENT_TYPE.encode(), await self.metrics())
        else:
            await refuse(send, 404, path, problems.NotFound("there is nothing here"))


class Later:
    """An application that is made in a thread while the others serve already."""

    def __init__(self, make: Callable[[], Application]) -> None:
        """Begin to make it."""
        self._made = asyncio.ensure_future(asyncio.to_thread(make))

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer as soon as it is there; an error of making it is one of each request."""
        application = await asyncio.shield(self._made)
        await application(scope, receive, send)

    def cancel(self) -> None:
        """Give up waiting for it."""
        self._made.cancel()


async def answer(
    send: Send, status: int, kind: bytes, body: bytes, *more: tuple[bytes, bytes]
) -> None:
    """Send a whole answer."""
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def refuse(
    send: Send, status: int, path: str, error: PushlineError, *more: tuple[bytes, bytes]
) -> None:
    """Send a problem; git shows it to people as it is plain text there."""
    if path.startswith("/git/"):
        await answer(send, status, PLAIN, f"{error}\n".encode(), *more)
        return
    problem = problems.answer(status, error.message, path=path, code=error.code, hint=error.hint)
    kind = problems.MEDIA_TYPE.encode()
    await answer(send, status, kind, msgspec.json.encode(problem), *more)
