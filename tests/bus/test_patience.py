"""What a worker does while something is away that its facts wait for."""

import asyncio
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from bus import streams
from bus.blobs import DirectoryBlobs
from bus.connection import Bus, connect
from bus.jetstream import patiently
from bus.log import INLINE, DeliveryLog
from bus.server import NatsServer
from bus.work import Pace
from schemas.envelope import Delivery, Recorded
from schemas.errors import BlobsUnavailable, Retry, SourceUnavailable
from schemas.events.run import RunDelayed
from schemas.ids import Digest
from tests.bus.workers import (
    QUICK,
    Recorder,
    eventually,
    run,
    settled,
    started,
    unfinished,
    working,
)

RESTLESS = Pace(ack_wait=2, progress=0.3, backoff=(0.01, 0.02), attempts=3, grace=5)
PATIENT = Pace(ack_wait=30, backoff=(60,), attempts=3, grace=5)


class Away(Retry):
    """Something did not answer; nobody waits for it long."""

    code = "away"
    patience = timedelta(seconds=1)


async def test_a_day_s_outage_uses_up_no_attempt(bus: Bus) -> None:
    """Sixty tries, five times what the server would deliver; then an ordinary failure has all."""
    tries = 0

    async def wait(_: object) -> None:
        nonlocal tries
        tries += 1
        if tries <= 60:
            raise BlobsUnavailable("the store is away")
        if tries <= 62:
            raise SourceUnavailable("the forge is away")

    worker = Recorder(wait, pace=RESTLESS)
    async with working(bus, worker):
        await started(bus, "a")
        await settled(bus)

    assert worker.seen == ["a"] * 63
    assert await bus.deadletters.list() == []


@pytest.mark.parametrize("error", [BlobsUnavailable, SourceUnavailable])
async def test_those_who_wait_for_a_run_are_told_why(bus: Bus, error: type[Retry]) -> None:
    """Once, after some seconds; the message has no hint in it, which is for operators."""
    tries = 0

    async def wait(_: object) -> None:
        nonlocal tries
        tries += 1
        if tries <= 6:
            raise error("the store is away", hint="mend PUSHLINE_S3_URL")

    worker = Recorder(wait, pace=msgspec.structs.replace(RESTLESS, attempts=9))
    async with working(bus, worker):
        await started(bus, "a")
        await settled(bus)

    facts = bus.follow.events(after=0, until=await bus.log.head())
    delays = [event.fact async for event in facts if isinstance(event.fact, RunDelayed)]
    assert delays == [
        RunDelayed(step="recorder", function="a", code=error.code, message="the store is away")
    ]


async def test_a_stumble_is_told_to_nobody(bus: Bus) -> None:
    """What passes within seconds is no news."""
    tries = 0

    async def wait(_: object) -> None:
        nonlocal tries
        tries += 1
        if tries <= 2:
            raise BlobsUnavailable("the store is away")

    async with working(bus, Recorder(wait, pace=RESTLESS)):
        await started(bus, "a")
        await settled(bus)

    assert await bus.log.last(run("1"), RunDelayed) is None


async def test_once_it_is_too_old_a_fact_has_its_usual_attempts(bus: Bus) -> None:
    """Patience ends in a dead letter that says what was away, and the worker is told."""
    told: list[tuple[str, str]] = []

    class Telling(Recorder):
        async def gave_up(self, _: Recorded[Any], code: str, reason: str) -> None:
            told.append((code, reason))

    async def wait(_: object) -> None:
        raise Away("the store is away")

    worker = Telling(wait, pace=RESTLESS)
    async with working(bus, worker):
        await started(bus, "a")
        await settled(bus)

    (letter,) = await bus.deadletters.list()
    assert (letter.code, letter.reason, letter.attempts) == ("away", "the store is away", 3)
    assert told == [("away", "the store is away")]
    assert len(worker.seen) > 10


async def test_what_rests_holds_no_place(bus: Bus) -> None:
    """A hundred facts wait for the store, longer than the server waits; others pass by them."""
    there = asyncio.Event()

    async def wait(event: Recorded[Any]) -> None:
        if event.fact.function == "large" and not there.is_set():
            raise BlobsUnavailable("the store is away")

    pace = Pace(ack_wait=1, progress=0.2, backoff=(0.3,), attempts=3)
    worker = Recorder(wait, places=1, pace=pace)
    async with working(bus, worker):
        for number in range(100):
            await started(bus, "large", str(number))
        await started(bus, "small", "other")
        await eventually(lambda: "small" in worker.seen)
        await eventually(lambda: len(worker.seen) > 500)
        there.set()
        await settled(bus)
        info = await patiently(lambda: bus.js.consumer("EVENTS", "recorder"))

    assert info
    assert info["delivered"]["consumer_seq"] == 101  # each was delivered once
    assert await bus.deadletters.list() == []


async def test_never_more_handlers_than_places_after_a_rest(bus: Bus) -> None:
    """All wake at the same moment, and yet two run at a time."""
    now, most = 0, 0
    rested: set[str] = set()

    async def wait(event: Recorded[Any]) -> None:
        nonlocal now, most
        if event.of.id not in rested:
            rested.add(event.of.id)
            raise BlobsUnavailable("the store is away")
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1

    worker = Recorder(wait, places=2, pace=QUICK)
    async with working(bus, worker):
        for number in range(20):
            await started(bus, "f", str(number))
        await settled(bus)

    assert len(worker.seen) == 40
    assert most == 2


async def test_at_shutdown_what_rests_is_given_back_at_once(bus: Bus) -> None:
    """The successor need not wait until the server believes the first one dead."""

    async def wait(_: object) -> None:
        raise BlobsUnavailable("the store is away")

    worker = Recorder(wait, pace=PATIENT)
    await started(bus, "a")
    async with working(bus, worker):
        await eventually(lambda: worker.seen == ["a"])
        await asyncio.wait_for(_rested(worker), 5)
    assert await unfinished(bus) == 1

    successor = Recorder()
    async with working(bus, successor):
        await settled(bus, within=10)
    assert successor.seen == ["a"]


async def _rested(worker: Recorder) -> None:
    """Wait until the handler has ended: its message rests then."""
    while any(task.get_name() == f"{worker.durable}:1" for task in asyncio.all_tasks()):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def test_what_rests_survives_the_log_s_server(server: NatsServer) -> None:
    """The server is killed and comes back meanwhile: what rests is handled."""
    init = server.settings("init")
    await streams.init(init)
    there = asyncio.Event()

    async def wait(_: object) -> None:
        if not there.is_set():
            raise BlobsUnavailable("the store is away")

    async with connect(server.settings("platform"), name="test") as bus:
        worker = Recorder(wait, pace=msgspec.structs.replace(RESTLESS, backoff=(0.2,)))
        async with working(bus, worker, ensured_by=init):
            await started(bus, "a")
            await started(bus, "b", "2")
            for _ in range(3):
                await eventually(partial(worker.has_grown, len(worker.seen) + 4))
                server.kill()
                server.start()
            there.set()
            await settled(bus)
        assert set(worker.seen) == {"a", "b"}
        assert await bus.deadletters.list() == []


class Taking(Recorder):
    """Notes deliveries."""

    reads: ClassVar[Any] = (Delivery,)

    def key(self, event: Any) -> str:
        """Return the delivery."""
        return str(event.id)

    async def handle(self, event: Any) -> None:
        """Note the size of its body."""
        self.seen.append(f"{event.id} {len(event.body)}")


class Flaky(DirectoryBlobs):
    """A store that is away for the first reads."""

    away = 20

    async def get(self, digest: Digest) -> bytes:
        """Fail, then return the bytes."""
        self.away -= 1
        if self.away >= 0:
            raise BlobsUnavailable("the store is away")
        return await super().get(digest)


async def test_a_large_delivery_waits_for_its_body(bus: Bus, tmp_path: Path) -> None:
    """Its body lies in a store that is away: the delivery rests, and is handled afterwards."""
    blobs = Flaky(tmp_path / "blobs")
    bus.deliveries = DeliveryLog(bus.js, bus.publisher, blobs)
    worker = Taking(pace=RESTLESS)
    async with working(bus, worker):
        await bus.deliveries.store("github", "large", {}, b"x" * (INLINE + 1))
        await eventually(lambda: worker.seen)

    assert worker.seen == [f"large {INLINE + 1}"]
    assert blobs.away < 0
    assert await bus.deadletters.list() == []
