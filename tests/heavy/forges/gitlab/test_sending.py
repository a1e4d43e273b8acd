"""Webhooks of the played GitLab: their weather follows the seed, and failing ones come to rest."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.heavy.forges.gitlab.played import Played, played_gitlab
from tests.heavy.forges.gitlab.sending import ONCE_OFF, REST, Weather


class Sink:
    """Counts what it is told, by the webhook's key; answers as it is set."""

    def __init__(self) -> None:
        self.status = 202
        self.heard: list[str] = []
        self.server = TestServer(self._application())

    def _application(self) -> web.Application:
        async def hear(request: web.Request) -> web.Response:
            self.heard.append(request.headers["Idempotency-Key"])
            return web.Response(status=self.status)

        application = web.Application()
        application.router.add_post("/hook", hear)
        return application

    @property
    def url(self) -> str:
        """Return its address."""
        return str(self.server.make_url("/hook"))


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    """Yield one that listens."""
    made = Sink()
    async with made.server:
        yield made


async def weathered(root: Path, seed: int, sink: Sink) -> list[str]:
    """Let a GitLab tell of forty saved settings in bad weather; return what arrived."""
    sink.heard.clear()
    with played_gitlab(root, seed) as gitlab:
        world = gitlab.world
        project = world.project("a/shop", by=world.user("alice"))
        world.hook(sink.url)
        world.sender.weather = Weather(lost=0.2, twice=0.2, late=0.3, seconds=0.02)
        for number in range(40):
            world.set_topics(project, str(number))
        await world.calm()
    return sorted(sink.heard)


async def test_the_seed_makes_the_weather(tmp_path: Path, sink: Sink) -> None:
    """The same webhooks are lost and doubled each time; of another seed others."""
    first = await weathered(tmp_path / "1", 7, sink)
    second = await weathered(tmp_path / "2", 7, sink)
    other = await weathered(tmp_path / "3", 8, sink)

    assert first == second != other
    assert 20 < len(set(first)) < 40
    assert len(first) > len(set(first))


async def test_a_webhook_that_fails_comes_to_rest(gitlab_api: Played, sink: Sink) -> None:
    """After four failures nothing is sent for a minute; one success makes it as new."""
    world = gitlab_api.world
    now = [1_800_000_000.0]
    world.clock = lambda: now[0]
    alice = world.user("alice")
    project = world.project("a/shop", by=alice)
    hook, whole = world.hook(sink.url, project=project), world.hook(sink.url)
    sink.status = 500
    for number in range(ONCE_OFF + 2):
        world.push(project, "main", {"a": str(number)}, by=alice)
        await world.calm()
    failed = [sent.hook for sent in world.sender.sent]

    assert (failed.count(hook), failed.count(whole)) == (ONCE_OFF, ONCE_OFF + 2)
    assert world.sender.state_of(hook) == "temporarily_disabled"
    assert world.sender.state_of(whole) == "executable"
    now[0] += REST
    sink.status = 202
    world.push(project, "main", {"a": "last"}, by=alice)
    await world.calm()
    assert (world.sender.state_of(hook), hook.failures) == ("executable", 0)
