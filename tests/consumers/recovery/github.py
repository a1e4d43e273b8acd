"""An App whose webhooks find nobody, at a played GitHub."""

import time
from collections.abc import AsyncIterator

import pytest

from bus.connection import Bus
from consumers.recovery.consumer import Recovery
from consumers.recovery.github import GitHub
from tests.consumers.forges.app_desk import Desk
from tests.consumers.recovery.place import NOBODY, Place, only, placed
from tests.heavy.forges.github.played import Played
from tests.heavy.forges.github.sending import Sent


class Away:
    """acme has two repositories, one of which is open to us; we were told of it."""

    def __init__(self, bus: Bus, place: Place, desk: Desk) -> None:
        self.bus, self.place, self.desk = bus, place, desk
        self.world, self.shop, self.other = desk.world, desk.shop, desk.other
        self.recovery = self.made(GitHub(desk.api))

    def made(self, forge: GitHub) -> Recovery:
        """Return a comparison, as after a restart."""
        return self.place.recovery(forge, forge)

    async def compare(self) -> list[str]:
        """Compare once more; return what was recorded."""
        return (await self.place.compare(self.recovery))[1]

    async def renamed(self) -> list[str]:
        """Compare; return what was renamed, and nobody installed."""
        told = only(await self.compare(), "project.", "tenant.")
        assert not only(told, "tenant.installed", "project.installed", "project.removed")
        return told

    async def sent(self) -> list[Sent]:
        """Return what GitHub has tried to deliver so far."""
        await self.world.calm()
        return list(self.world.sender.sent)

    async def missed(self) -> list[Sent]:
        """Return what GitHub has tried to deliver, which it then forgets."""
        sent = await self.sent()
        self.world.sender.sent.clear()
        return sent


@pytest.fixture
async def away(bus: Bus, github_app: Played) -> AsyncIterator[Away]:
    """Yield an App whose webhooks find nobody, installed on acme."""
    desk = Desk(github_app)
    desk.now = time.time()
    async with placed(bus) as place:
        await place.admit("github:acme")
        made = Away(bus, place, desk)
        made.world.uninstall(desk.installed)
        made.world.sender.url = NOBODY
        desk.installed = made.world.install("acme", made.shop)
        await place.arrive(*await made.missed())
        desk.now += 60
        yield made
    await desk.api.close()
