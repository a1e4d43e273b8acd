"""The worker loop while its server is killed, stopped or forgets."""

import asyncio
from functools import partial
from typing import Any

import pytest

from bus import streams
from bus.connection import connect
from bus.server import NatsServer
from bus.work import Pace
from schemas.envelope import Recorded
from schemas.errors import DurableMissing
from tests.bus.workers import Recorder, eventually, settled, started, working


async def test_a_fetch_goes_on_promptly_after_kill_9(server: NatsServer) -> None:
    """The server dies while the worker waits: the next fact is handled at once after its return.

    nats-py's fetch would sit out its timeout.
    """
    init = server.settings("init")
    await streams.init(init)
    async with connect(server.settings("platform"), name="test") as bus:
        worker = Recorder()
        async with working(bus, worker, ensured_by=init):
            for number in range(3):
                await started(bus, f"before{number}")
                await eventually(partial(worker.has_seen, f"before{number}"))
                server.kill()
                server.start()
                await started(bus, f"after{number}")
                await eventually(partial(worker.has_seen, f"after{number}"), within=2)
            await settled(bus)


async def test_kill_9_under_load_loses_nothing(server: NatsServer) -> None:
    """Facts appended and handled while the server is killed again and again: all get through."""
    init = server.settings("init")
    await streams.init(init)
    async with connect(server.settings("platform"), name="test") as bus:
        worker = Recorder(places=8, pace=Pace(ack_wait=2, progress=0.5, attempts=20))
        async with working(bus, worker, ensured_by=init):

            async def load(lane: int) -> None:
                for number in range(50):
                    await started(bus, f"{lane}:{number}", str(lane))

            loads = asyncio.gather(*map(load, range(6)))
            for _ in range(3):
                await eventually(partial(worker.has_grown, len(worker.seen) + 20))
                server.kill()
                server.start()
            await loads
            await settled(bus, within=20)
        assert set(worker.seen) == {f"{lane}:{n}" for lane in range(6) for n in range(50)}
        assert await bus.deadletters.list() == []


async def test_a_message_under_way_survives_the_server(server: NatsServer) -> None:
    """A handler that runs while the server is killed is acknowledged to its successor.

    The killed server may have forgotten that it handed the message out: then it comes once more.
    """
    init = server.settings("init")
    await streams.init(init)
    gate = asyncio.Event()

    async def hold(_: Recorded[Any]) -> None:
        await gate.wait()

    async with connect(server.settings("platform"), name="test") as bus:
        worker = Recorder(hold, pace=Pace(ack_wait=20))
        async with working(bus, worker, ensured_by=init):
            await started(bus, "a")
            await eventually(lambda: worker.seen == ["a"])
            server.kill()
            gate.set()
            server.start()
            await settled(bus, within=10)
        assert worker.seen in (["a"], ["a", "a"])


async def test_a_durable_that_is_deleted_ends_its_worker(server: NatsServer) -> None:
    """Somebody removes the durable: the worker says so instead of waiting for ever."""
    init = server.settings("init")
    await streams.init(init)
    async with connect(init, name="test") as bus:
        with pytest.raises(ExceptionGroup) as raised:  # noqa: PT012
            async with asyncio.timeout(20), working(bus, Recorder()):
                await started(bus, "a")
                await settled(bus)
                await bus.js.call("CONSUMER.DELETE.EVENTS.recorder")
                await asyncio.Event().wait()
        assert raised.group_contains(DurableMissing)


async def test_a_worker_that_dies_in_each_attempt_leaves_a_letter(server: NatsServer) -> None:
    """Nobody is left to write the letter: the server's advisory is read as one."""
    init = server.settings("init")
    await streams.init(init)
    async with connect(init, name="test") as bus:
        quick = Pace(ack_wait=0.2, progress=10, attempts=1, grace=0)

        async def hang(_: Recorded[Any]) -> None:
            await asyncio.Event().wait()

        worker = Recorder(hang, places=8, pace=quick)
        async with working(bus, worker) as stopping:
            seq = await started(bus, "a")
            async with asyncio.timeout(15):
                while not await bus.deadletters.list():  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            stopping.set()
        (letter,) = await bus.deadletters.list(consumer="recorder")
        assert (letter.stream, letter.seq, letter.code) == ("EVENTS", seq, "attempts_used_up")
        assert letter.attempts == 4
        assert await bus.deadletters.list(consumer="other") == []
