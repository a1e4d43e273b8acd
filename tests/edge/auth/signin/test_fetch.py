"""Outgoing requests to providers: given up in time, small, and never led elsewhere.

Weakness 7.11 of the predecessor: its clients waited for ever, and a page of an error was an answer.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from edge.auth.signin import fetch as fetching
from edge.auth.signin.errors import ProviderAnswered, ProviderUnavailable
from edge.auth.signin.fetch import fetch, pages

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(answer: Answering) -> AsyncIterator[str]:
    """Yield the URL of a server that answers everything so."""
    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.weakness(11)
async def test_a_provider_that_does_not_answer_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After the time that is set, as an outage."""
    monkeypatch.setattr(fetching, "TIMEOUT", aiohttp.ClientTimeout(total=0.1))

    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with serving(never) as url:
        with pytest.raises(ProviderUnavailable, match="does not answer"):
            await fetch("GitHub", "GET", url)


async def test_an_endless_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody fills our memory."""
    monkeypatch.setattr(fetching, "LARGEST", 1000)

    async def large(_: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x" * 2000)

    async with serving(large) as url:
        with pytest.raises(ProviderAnswered, match="more than 1000 bytes"):
            await fetch("GitHub", "GET", url)


async def test_a_redirect_is_not_followed() -> None:
    """What we send, secrets among it, goes to whom it is for."""
    asked: list[str] = []

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        raise web.HTTPTemporaryRedirect("/elsewhere")

    async with serving(elsewhere) as url:
        answer = await fetch("GitHub", "POST", f"{url}/token", form={"client_secret": "s"})

    assert answer.status == 307
    assert asked == ["/token"]


async def test_a_page_in_place_of_an_answer_is_no_answer() -> None:
    """HTML of whatever stands between is refused, and not quoted."""

    async def html(_: web.Request) -> web.StreamResponse:
        return web.Response(text="<h1>Sign in to this network</h1>")

    async with serving(html) as url:
        answer = await fetch("GitHub", "GET", url)

    with pytest.raises(ProviderAnswered, match="not documented") as caught:
        answer.read(dict[str, str])
    assert "network" not in str(caught.value)


async def test_a_list_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that always goes on is no list, and nobody has half of their groups by it."""
    monkeypatch.setattr(fetching, "PAGES", 3)

    async def on_and_on(request: web.Request) -> web.StreamResponse:
        return web.json_response([], headers={"Link": f'<{request.url}>; rel="next"'})

    async with serving(on_and_on) as url:
        with pytest.raises(ProviderAnswered, match="more than 3 pages"):
            assert [page async for page in pages("GitLab", url, {})] == []
