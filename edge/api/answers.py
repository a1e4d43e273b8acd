"""Answers that are read again: which sequence they are true at, and an ETag for each.

A caller that shows an answer's ETag with ``If-None-Match`` is told 304 as long as it is the same.
"""

import hashlib
from typing import Any

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from edge.api.then import SEQ


class Answers(ASGIMiddleware):
    """Tags whole answers to GET; those that come in pieces go through as they are."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Answer with ETag and ``Pushline-Seq``, or 304."""
        if scope.get("method") != "GET":
            await next_app(scope, receive, send)
            return
        held: list[Any] = []

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and _whole(message):
                held.append(message)
                return
            if not held:
                await send(message)
                return
            start: Any = held.pop()
            if message["type"] != "http.response.body" or message.get("more_body"):
                await send(start)
                await send(message)
                return
            start, body = _tagged(scope, start, bytes(message["body"]))
            await send(start)
            await send({"type": "http.response.body", "body": body, "more_body": False})

        await next_app(scope, receive, answer)


def _whole(start: Any) -> bool:
    """Tell whether an answer may come in one piece; a tail's head is not held back."""
    kind = dict(start["headers"]).get(b"content-type", b"")
    return start["status"] == 200 and not kind.startswith(b"text/event-stream")


def _tagged(scope: Any, start: Any, body: bytes) -> tuple[Any, bytes]:
    """Return the head and body of an answer with its tag; of 304 where it is known."""
    tag = b'"' + hashlib.sha256(body).hexdigest()[:32].encode() + b'"'
    more = [(b"etag", tag), (b"cache-control", b"private, no-cache")]
    if SEQ in scope:
        more.append((b"pushline-seq", str(scope[SEQ]).encode()))
    if _known(scope["headers"], tag):
        return {**start, "status": 304, "headers": more}, b""
    kept = [pair for pair in start["headers"] if pair[0].lower() != b"cache-control"]
    return {**start, "headers": [*kept, *more]}, body


def _known(headers: Any, tag: bytes) -> bool:
    """Tell whether If-None-Match names this tag."""
    for name, value in headers:
        if name == b"if-none-match":
            given = [part.strip().removeprefix(b"W/") for part in value.split(b",")]
            return tag in given or b"*" in given
    return False
