"""What the API's handlers have of who asks, and answers that end when his rights do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, Final, TypeAlias, TypeVar

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from edge.auth.asking import Asking
from edge.auth.door import TokenMissing

EACH: Final = 0.5  # seconds between two looks at whether somebody still may

Connection: TypeAlias = ASGIConnection[Any, Any, Any, Any]

T = TypeVar("T")


def known(connection: Connection, _: BaseRouteHandler) -> None:
    """Guard every path of the API: raise TokenMissing for nobody that we know."""
    _asking(connection)


async def asking(request: Request[Any, Any, Any]) -> Asking:
    """Return who asks."""
    return _asking(request)


def _asking(connection: Connection) -> Asking:
    """Return who asks, as the door has found; nobody gets here but by the door."""
    found = connection.scope.get("asking")
    if not isinstance(found, Asking):
        raise TokenMissing("this needs a token of this Pushline", hint="pushline login")
    return found


async def while_allowed(items: AsyncIterator[T], allowed: Callable[[], bool]) -> AsyncIterator[T]:
    """Yield until the caller may no longer, which is seen within a second; then end."""
    coming: asyncio.Task[T] | None = None
    try:
        while allowed():
            coming = coming or asyncio.create_task(_next(items))
            done, _ = await asyncio.wait((coming,), timeout=EACH)
            if not done:
                continue
            finished, coming = coming, None
            try:
                item = finished.result()
            except StopAsyncIteration:
                return
            if allowed():
                yield item
    finally:
        if coming is not None:
            coming.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration):
                await coming
        if (close := getattr(items, "aclose", None)) is not None:
            await close()


async def _next(items: AsyncIterator[T]) -> T:
    return await anext(items)
