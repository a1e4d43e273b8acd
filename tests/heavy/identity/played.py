"""Pytest plugin: GitHub, GitLab and an OpenID Connect issuer on loopback, played strictly.

The fixtures ``github`` ``gitlab`` ``issuer`` yield one each, by their published documentation;
at the end of a test any fault of the client fails it.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias, TypeVar

import pytest
from aiohttp import web

from tests.heavy.identity.authority import Authority
from tests.heavy.identity.github import PlayedGitHub
from tests.heavy.identity.gitlab import PlayedGitLab
from tests.heavy.identity.oidc import PlayedIssuer

P = TypeVar("P", PlayedGitHub, PlayedGitLab, PlayedIssuer)
Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextmanager
def playing(played: P) -> Iterator[P]:
    """Serve it in a thread and a loop of its own; fail where its client was careless."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    runner = asyncio.run_coroutine_threadsafe(_start(played, played.routes()), loop).result(10)
    try:
        yield played
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
    assert not played.faults, played.faults


async def _start(played: Authority, routes: list[web.RouteDef]) -> web.AppRunner:
    @web.middleware
    async def watched(request: web.Request, handler: Handler) -> web.StreamResponse:
        played.calls.append(f"{request.method} {request.path}")
        if played.down:
            return web.Response(status=played.down)
        return await handler(request)

    application = web.Application(middlewares=[watched])
    application.add_routes(routes)
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    played.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    return runner


@pytest.fixture
def github() -> Iterator[PlayedGitHub]:
    """Yield a GitHub without accounts."""
    with playing(PlayedGitHub()) as played:
        yield played


@pytest.fixture
def gitlab() -> Iterator[PlayedGitLab]:
    """Yield a GitLab without accounts."""
    with playing(PlayedGitLab()) as played:
        yield played


@pytest.fixture
def issuer() -> Iterator[PlayedIssuer]:
    """Yield an issuer that signs by ES256."""
    with playing(PlayedIssuer()) as played:
        yield played
