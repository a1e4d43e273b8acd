"""The numbers of the log's server, while it is there and while it is away."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, CollectorRegistry

from bus import streams
from bus.connection import Bus, connect
from bus.deadletters import DeadLetter
from bus.server import NatsServer
from consumers.metrics import consumer, watching
from consumers.planner.consumer import Planner
from schemas.envelope import Aggregate
from schemas.events.run import RunBuildStarted
from tests.bus.workers import eventually

RUN = Aggregate("local", "alice/hello", "run", "1")
WATCHED = {"planner": "EVENTS"}


def told(name: str, **labels: str) -> float | None:
    """Return one number of this process."""
    return REGISTRY.get_sample_value(name, labels)


async def test_streams_consumers_and_letters_are_counted(
    bus: Bus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the server knows is told: sizes, what waits, how far the log is, what was given up."""
    await streams.ensure(bus.settings, (Planner,))
    await bus.log.append(RunBuildStarted(function="f"), of=RUN, id="a")
    letter = DeadLetter(
        consumer="builder",
        stream="EVENTS",
        seq=1,
        code="c",
        reason="r",
        attempts=3,
        time=datetime.now(UTC),
    )
    await bus.deadletters.write(letter)
    monkeypatch.setattr(watching, "EVERY", 0.01)
    stopping = asyncio.Event()
    registry = CollectorRegistry()
    counting = asyncio.create_task(
        consumer.metrics(bus, consumer.fold(None), WATCHED, tmp_path, stopping, registry=registry)
    )

    await eventually(lambda: told("pushline_dead_letters", consumer="builder", state="open") == 1)
    await eventually(lambda: told("pushline_log_last_sequence") == 1)
    await eventually(lambda: (told("pushline_disk_fsync_seconds") or 0) > 0)

    assert told("pushline_log_up") == 1
    assert told("pushline_log_high_water_sequence") == 1
    assert told("pushline_stream_messages", stream="EVENTS") == 1
    assert told("pushline_stream_room_bytes", stream="EVENTS")
    assert told("pushline_consumer_pending_messages", consumer="planner") == 0
    assert registry.get_sample_value("pushline_runs_under_way") == 0
    stopping.set()
    await counting
    assert registry.get_sample_value("pushline_runs_under_way") is None
    assert list(tmp_path.glob(".fsync-*")) == []


async def test_a_server_that_is_away_has_no_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is killed there is a 0 and no old number; started again, all is told again."""
    monkeypatch.setattr(watching, "EVERY", 0.05)
    monkeypatch.setattr("bus.jetstream.patiently.__defaults__", (0.2,))
    server = NatsServer(tmp_path / "home")
    server.start()
    await streams.init(server.settings("init"))
    async with connect(server.settings("platform"), name="test") as bus:
        watcher = asyncio.create_task(watching.watch(bus, {}, tmp_path))
        await eventually(lambda: told("pushline_stream_messages", stream="EVENTS") == 0)

        await asyncio.to_thread(server.kill)
        await eventually(lambda: told("pushline_log_up") == 0)
        assert told("pushline_stream_messages", stream="EVENTS") is None

        await asyncio.to_thread(server.start)
        await eventually(lambda: told("pushline_log_up") == 1)
        assert told("pushline_stream_messages", stream="EVENTS") == 0
        watcher.cancel()
        await asyncio.wait((watcher,))
    server.kill()
