"""One port's paths to their applications; bare ASGI, for ingest wants no framework in front."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec

from bus import telemetry
from edge.api import problems
from edge.auth.door import Door, TokenMissing, TooManyAttempts
from edge.auth.verifier import NotReady
from edge.cli import page
from schemas.errors import PushlineError, Retry

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]  # each names ASGI its own way

PLAIN, HTML = b"text/plain; charset=utf-8", b"text/html; charset=utf-8"
CHALLENGE = (b"www-authenticate", b'Basic realm="Pushline", charset="UTF-8"')
BEARER = (b"www-authenticate", b'Bearer realm="Pushline"')


async def own_metrics() -> bytes:
    """Return what this process counts."""
    return telemetry.exposition()


@dataclass(frozen=True, slots=True)
class Dispatch:
    """The platform's ASGI application; whoever comes, comes by the door."""

    door: Door
    paths: Mapping[str, Application]  # by whole path; they verify what they are sent themselves
    git: Application  # asks for a password in its own way
    api: Application
    front: bytes  # the page at /
    pages: Mapping[str, Application] = field(default_factory=dict)  # by first segment, at any host
    metrics: Callable[[], Awaitable[bytes]] = own_metrics

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Hand a request to whom it belongs; what the door refuses is said as a problem."""
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        try:
            await self._handed(path, scope, receive, send)
        except PushlineError as error:
            status = getattr(error, "status", 503 if isinstance(error, Retry) else 500)
            await refuse(send, status, path, error, *_more(error, scope))

    async def _handed(self, path: str, scope: Message, receive: Receive, send: Send) -> None:
        if pages := self.pages.get(path.lstrip("/").partition("/")[0]):
            await pages(scope, receive, send)  # asks the door itself, and answers with pages
            return
        self.door.host(scope)
        if whole := self.paths.get(path):
            await whole(scope, receive, send)
        elif path == "/healthz":
            await answer(send, 200, PLAIN, b"ok\n")
        elif path.startswith("/git/"):
            await self.git(scope, receive, send)
        elif path == "/":
            await answer(send, 200, HTML, self.front, *page.HEADERS)
        else:
            await self._guarded(path, scope, receive, send)

    async def _guarded(self, path: str, scope: Message, receive: Receive, send: Send) -> None:
        scope["asking"] = asking = self.door.enter(scope)
        if path == "/api" or path.startswith("/api/"):
            await self.api(scope, receive, send)
        elif path == "/metrics":
            asking.need("operate")
            await answer(send, 200, telemetry.CONTENT_TYPE.encode(), await self.metrics())
        else:
            await refuse(send, 404, path, problems.NotFound("there is nothing here"))


def _more(error: PushlineError, scope: Message) -> list[tuple[bytes, bytes]]:
    """Return the headers that go with a refusal."""
    match error:
        case TokenMissing():
            return [CHALLENGE if _may_ask(scope) else BEARER]
        case TooManyAttempts(wait=wait):
            return [(b"retry-after", b"%d" % wait)]
        case NotReady():
            return [(b"retry-after", b"1")]
        case _:
            return []


def _may_ask(scope: Message) -> bool:
    """Tell whether a browser may ask its user for a password: not for what a script fetches."""
    modes = [value for name, value in scope["headers"] if name == b"sec-fetch-mode"]
    return all(mode == b"navigate" for mode in modes)


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
