"""Calls over HTTP: what a router is sent, and what comes of its silence."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from aiohttp import web

from consumers.timer.router import Router, RouterSettings
from consumers.timer.wanted import Target

DUE = datetime(2026, 11, 25, 12, 5, tzinfo=UTC)
OPEN = Target("alice", "production", "tick", "public")
CLOSED = Target("alice", "branch-x", "tick", "members")


def url(label: str, environment: str, function: str) -> str:
    """Return a function's public address."""
    tenant = label if environment == "production" else f"{environment}--{label}"
    return f"https://{tenant}.example.com/{function}"


class Front:
    """A router that notes what it is asked."""

    def __init__(self) -> None:
        """Answer 202 at once."""
        self.asked: list[web.BaseRequest] = []
        self.bodies: list[bytes] = []
        self.port = 0
        self.react: Callable[[], Awaitable[int]] = self._well

    async def _well(self) -> int:
        return 202

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Note, and answer."""
        self.asked.append(request)
        self.bodies.append(await request.read())
        return web.Response(status=await self.react(), text="x" * 200_000)

    def router(self, **more: object) -> Router:
        """Return what calls through it."""
        at = {"url": url, "address": f"127.0.0.1:{self.port}", "token": "s3cret"}
        return Router(RouterSettings(**{**at, **more}))  # type: ignore[arg-type]


@asynccontextmanager
async def front(port: int = 0) -> AsyncIterator[Front]:
    """Yield a router on loopback."""
    found = Front()
    runner = web.ServerRunner(web.Server(found.answer), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, reuse_address=True)
    await site.start()
    found.port = int(runner.addresses[0][1])
    try:
        yield found
    finally:
        await runner.cleanup()


async def test_a_function_is_called_as_by_any_caller() -> None:
    """POST, empty, at its public host; with the call's id and the moment."""
    async with front() as at:
        told = await at.router().call(OPEN, call="id-1", due=DUE)

    (asked,), (body,) = at.asked, at.bodies
    assert (asked.method, asked.path, asked.host) == ("POST", "/tick", "alice.example.com")
    assert (asked.headers["X-Call-Id"], body) == ("id-1", b"")
    assert asked.headers["X-Topic"] == "cron-function"
    assert asked.headers["X-Due"] == "2026-11-25T12:05:00Z"
    assert "Authorization" not in asked.headers  # a public function sees no token at all
    assert (told.outcome, told.status, told.due) == ("answered", 202, DUE)
    assert told.took_ms >= 0


async def test_a_function_that_is_not_public_is_called_as_the_operator() -> None:
    """The router takes the token, and keeps it; nobody else is told of it."""
    async with front() as at:
        router = at.router()
        await router.call(CLOSED, call="id-1", due=DUE)

    assert at.asked[0].host == "branch-x--alice.example.com"
    assert at.asked[0].headers["Authorization"] == "Bearer s3cret"
    assert "s3cret" not in repr(RouterSettings(url=url, token="s3cret"))


async def test_any_status_is_an_answer() -> None:
    """A function that fails was called all the same; a redirect is not followed."""
    async with front() as at:
        for status in (500, 503, 302):

            async def say(status: int = status) -> int:
                return status

            at.react = say
            told = await at.router().call(OPEN, call="x", due=DUE)
            assert (told.outcome, told.status) == ("answered", status)
    assert len(at.asked) == 3


async def test_a_router_that_is_away_is_waited_for() -> None:
    """Nothing was sent while it refused to connect: it is called once when it is back."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = int(taken.getsockname()[1])
    away = Router(RouterSettings(url=url, address=f"127.0.0.1:{port}", connect=20))
    call = asyncio.create_task(away.call(OPEN, call="x", due=DUE))
    done, _ = await asyncio.wait((call,), timeout=0.3)
    assert not done
    async with front(port) as at:
        told = await call

    assert told.outcome == "answered"
    assert len(at.asked) == 1


async def test_one_that_stays_away_is_unreachable() -> None:
    """After a while that is the outcome; the next moment is another call."""
    nowhere = Router(RouterSettings(url=url, address="127.0.0.1:1", connect=0))

    told = await nowhere.call(OPEN, call="x", due=DUE)

    assert (told.outcome, told.status, told.message) == ("unreachable", 0, "ConnectionRefusedError")


async def test_a_call_without_an_answer_is_not_repeated() -> None:
    """The function may have been called: nobody knows, and nobody tries again."""

    async def hang() -> int:
        await asyncio.Event().wait()
        raise AssertionError

    async with front() as at:
        at.react = hang
        told = await at.router(response=0.2).call(OPEN, call="x", due=DUE)

    assert (told.outcome, told.message) == ("unknown", "TimeoutError")
    assert len(at.asked) == 1
