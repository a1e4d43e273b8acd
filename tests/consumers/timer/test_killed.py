"""The server, and the worker, killed around the moment: each fires once."""

import asyncio
from datetime import timedelta
from typing import ClassVar

import pytest

from bus import streams
from bus.connection import Bus, connect
from bus.letters import open_letters
from bus.server import NatsServer
from bus.timers import Due, Timer
from bus.work import Pace
from consumers.timer.consumer import Timekeeper
from schemas.events.timer import TimerDelivered, TimerFired
from tests.consumers.timer.clockwork import Phone, ago, facts, there, ticking
from tests.consumers.timer.facts import FUNCTION, RUN, deployed, queued


@pytest.mark.parametrize("before", [0.0, 0.15, 0.3, 0.45])
async def test_a_server_killed_around_the_moment(server: NatsServer, before: float) -> None:
    """Killed before, at, and after the moment of a run's timeout: one fact, whenever it is back."""
    init = server.settings("init")
    await streams.init(init)
    async with connect(server.settings("platform"), name="test") as bus:
        timeout = timedelta(seconds=0.3)
        async with ticking(bus, Phone(), timeout=timeout, ensured_by=init):
            await bus.log.append(queued(), of=RUN, id="queued")
            await asyncio.sleep(before)
            server.kill()
            server.start()
            await there(bus, TimerFired)
            server.kill()
            server.start()
            await bus.log.append(deployed(""), of=FUNCTION, id="something else")
        async with ticking(bus, Phone(), timeout=timeout, ensured_by=init):
            await _settled(bus.timers.list)

        assert len(await facts(bus, TimerFired)) == 1


async def _settled(listed: object) -> None:
    """Wait until nothing is set any more."""
    assert callable(listed)
    async with asyncio.timeout(20):
        while await listed():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_worker_that_dies_around_the_moment(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it has recorded the moment, and after: the function is called once all the same."""
    left = ["before", "after", "before", "after"]

    class Mortal(Timekeeper):
        pace: ClassVar[Pace] = Pace(backoff=(0.05,))

        async def handle(self, due: Due) -> None:
            death = left.pop(0) if left else ""
            if death != "before":
                await super().handle(due)
            if death:
                raise ConnectionResetError

    phone = Phone()
    with ago(monkeypatch, timedelta(hours=3)):
        await bus.log.append(deployed("0 * * * *"), of=FUNCTION, id="deployed")
    async with ticking(bus, phone, keeper=Mortal):
        await there(bus, TimerDelivered)
        async with asyncio.timeout(10):
            while left:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    assert len(phone.calls) == 1
    assert len(await facts(bus, TimerFired)) == 1
    assert await open_letters(bus) == []


async def test_a_schedule_that_a_kill_brought_back_fires_nothing(server: NatsServer) -> None:
    """A replaced schedule may return with a killed server: the log wants another moment."""
    init = server.settings("init")
    await streams.init(init)
    async with connect(server.settings("platform"), name="test") as bus:
        await bus.log.append(deployed("0 0 1 1 *"), of=FUNCTION, id="deployed")
        async with ticking(bus, Phone(), ensured_by=init):
            async with asyncio.timeout(20):
                while not (listed := await bus.timers.list()):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            (real,) = listed.values()
            old = Timer(
                purpose=real.purpose,
                forge=real.forge,
                project=real.project,
                about=real.about,
                at=real.at - timedelta(days=365),
            )
            await bus.timers.set(old)  # as it was before it was replaced
            server.kill()
            server.start()
            async with asyncio.timeout(20):
                while not await bus.timers.list("due.>"):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        assert await facts(bus, TimerFired) == []

        async with ticking(bus, Phone(), ensured_by=init), asyncio.timeout(20):
            while await bus.timers.list() != {real.key: real}:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
