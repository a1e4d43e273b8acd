"""Streams: init once, ensure always, and the high-water mark that tells when data is lost."""

import asyncio
import shutil
from pathlib import Path

import pytest

from bus import streams, water
from bus.connection import Bus, BusSettings, connect, session
from bus.jetstream import JetStream
from bus.server import NatsServer
from bus.water import HighWater
from bus.work import Pace
from schemas.envelope import Aggregate
from schemas.errors import LogNotInitialised, LogRewound, LogUnavailable
from schemas.events.run import RunBuildStarted
from tests.bus.workers import Recorder, eventually

RUN = Aggregate("local", "alice/hello", "run", "1")


async def append(bus: Bus, *names: str) -> None:
    """Append a fact for each name."""
    for name in names:
        await bus.log.append(RunBuildStarted(function=name), of=RUN, id=name)


async def config(js: JetStream, stream: str) -> dict[str, object]:
    """Return a stream's configuration."""
    info = await js.info(stream)
    assert info is not None
    found: dict[str, object] = info["config"]
    return found


async def test_init_makes_what_is_declared(bus: Bus) -> None:
    """All five streams have exactly the declared configuration."""
    for name, declared in streams.declared(bus.settings).items():
        live = await config(bus.js, name)
        assert {key: live[key] for key in declared} == declared
    events = await config(bus.js, "EVENTS")
    assert events["discard"] == "new"
    assert not events.get("max_age")
    assert events["allow_atomic"] is True


async def test_init_twice_is_harmless(bus: Bus) -> None:
    """Nothing is lost, and the mark of the first time stays."""
    await append(bus, "a")
    before = await config(bus.js, "EVENTS")
    await streams.init(bus.settings)

    assert await config(bus.js, "EVENTS") == before
    assert await bus.log.head() == 1


async def test_an_interrupted_init_is_refused_and_can_be_repeated(
    nats_url: str, tmp_path: Path
) -> None:
    """EVENTS is there but was never finished: only init goes on from there."""
    settings = BusSettings(nats_url=nats_url, home=tmp_path / "home")
    async with session(settings, name="test") as js:
        for name, declared in streams.declared(settings).items():
            if await js.info(name) is not None:
                await js.call(f"STREAM.DELETE.{name}")
            if name == "EVENTS":
                await js.call("STREAM.CREATE.EVENTS", declared)
        with pytest.raises(LogNotInitialised, match="interrupted"):
            await streams.ensure(settings)
        assert streams.is_new(settings)

        await streams.init(settings)
        await streams.ensure(settings)
        assert not streams.is_new(settings)


async def test_a_missing_log_is_never_made_by_the_way(nats_url: str, tmp_path: Path) -> None:
    """Neither ensure nor connect creates EVENTS: a missing one may be a broken disk."""
    settings = BusSettings(nats_url=nats_url, home=tmp_path / "home")
    async with session(settings, name="test") as js:
        if await js.info("EVENTS") is not None:
            await js.call("STREAM.DELETE.EVENTS")
        with pytest.raises(LogNotInitialised):
            await streams.ensure(settings)
        with pytest.raises(LogNotInitialised):
            async with connect(settings, name="test"):
                pass
        assert await js.info("EVENTS") is None


async def test_ensure_brings_back_what_has_drifted(bus: Bus) -> None:
    """Fields changed, and a stream removed, by hand: as declared again, events kept."""
    await append(bus, "a")
    changed = {**await config(bus.js, "EVENTS"), "discard": "old", "max_age": 10**12}
    await bus.js.call("STREAM.UPDATE.EVENTS", changed)
    await bus.js.call("STREAM.DELETE.LOGS")

    await streams.ensure(bus.settings)
    events = await config(bus.js, "EVENTS")
    assert events["discard"] == "new"
    assert not events.get("max_age")
    assert (await config(bus.js, "LOGS"))["persist_mode"] == "async"
    assert await bus.log.head() == 1
    await streams.ensure(bus.settings)  # the mark has outlived the first


async def test_ensure_changes_a_durable_and_keeps_its_place(bus: Bus) -> None:
    """A worker that reads something new goes on where it was."""
    await streams.ensure(bus.settings, [Recorder()])
    before = await bus.js.consumer("EVENTS", "recorder")
    worker = Recorder(pace=Pace(ack_wait=7))
    await streams.ensure(bus.settings, [worker])

    after = await bus.js.consumer("EVENTS", "recorder")
    assert before is not None
    assert after is not None
    assert before["config"]["ack_wait"] == 10 * 10**9
    assert after["config"]["ack_wait"] == 7 * 10**9
    assert after["created"] == before["created"]
    assert after["config"]["filter_subjects"] == [
        "ev.*.*.deadletter.*.redriven",
        "ev.*.*.replay.*.applied",
        "ev.*.*.run.*.build-started",
    ]
    assert after["config"]["max_ack_pending"] == 1000


async def test_a_worker_reads_of_its_forges_alone(bus: Bus) -> None:
    """What it has nothing to do with does not cost it a message; the pointers stay."""

    class Particular(Recorder):
        reads_of = ("github", "gitlab")

    await streams.ensure(bus.settings, [Particular()])

    found = await bus.js.consumer("EVENTS", "recorder")
    assert found is not None
    assert found["config"]["filter_subjects"] == [
        "ev.*.*.deadletter.*.redriven",
        "ev.*.*.replay.*.applied",
        "ev.github.*.run.*.build-started",
        "ev.gitlab.*.run.*.build-started",
    ]


async def test_a_rewound_log_refuses_to_run(bus_settings: BusSettings) -> None:
    """The log ends before its mark: connecting says what was lost, and where to look."""
    async with connect(bus_settings, name="test") as bus:
        await append(bus, "a", "b", "c")
    assert water.read(bus_settings.home) == 3
    async with session(bus_settings, name="test") as js:
        await js.call("STREAM.DELETE.EVENTS")
        fresh = streams.declared(bus_settings)["EVENTS"]
        await js.call("STREAM.CREATE.EVENTS", fresh)

    with pytest.raises(LogRewound, match="ends at 0, but had reached 3"):
        async with connect(bus_settings, name="test"):
            pass


async def test_a_log_that_is_gone_is_not_made_anew(bus_settings: BusSettings) -> None:
    """An empty store in a home that had a log: init refuses to paint over it."""
    async with connect(bus_settings, name="test") as bus:
        await append(bus, "a")
    async with session(bus_settings, name="test") as js:
        await js.call("STREAM.DELETE.EVENTS")

        with pytest.raises(LogRewound, match="reached 1 is gone"):
            await streams.init(bus_settings)
        assert await js.info("EVENTS") is None


async def test_a_log_rewound_behind_a_running_process_ends_it(server: NatsServer) -> None:
    """The server comes back with less than was seen: the block ends, nothing goes on."""
    settings = server.settings("init")
    await streams.init(settings)
    server.stop()
    shutil.copytree(server.folder / "store", server.home / "backup")
    server.start()
    with pytest.raises(LogRewound, match="had reached 3"):  # noqa: PT012
        async with asyncio.timeout(15), connect(settings, name="test") as bus:
            await append(bus, "a", "b", "c")
            server.stop()
            shutil.rmtree(server.folder / "store")
            shutil.copytree(server.home / "backup", server.folder / "store")
            server.start()
            await asyncio.Event().wait()


async def test_the_mark_is_written_while_the_log_moves(bus: Bus) -> None:
    """A process that is killed has left a mark not much older than a second."""
    assert water.read(bus.settings.home) == 0
    await append(bus, "a", "b")
    await eventually(lambda: water.read(bus.settings.home) == 2)


async def test_two_processes_never_lower_the_mark(tmp_path: Path) -> None:
    """Whoever writes last, the mark is the highest."""
    for seq in (0, 9, 4):
        mark = HighWater(tmp_path)
        mark.reached(seq)
        await mark.flush()
        water.write(tmp_path, seq)
    assert water.read(tmp_path) == 9


def test_a_damaged_mark_is_said(tmp_path: Path) -> None:
    """A mark that is no number is not taken for a new home."""
    (tmp_path / water.NAME).write_text("\0\0")
    with pytest.raises(LogRewound, match="not a number"):
        water.read(tmp_path)


async def test_no_log_within_patience(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: the first connection is given up, and says where it was looked for."""
    monkeypatch.setattr("bus.connection.CONNECT_WITHIN", 0.5)
    settings = BusSettings(nats_url="nats://u:secret@127.0.0.1:1", home=tmp_path)
    with pytest.raises(LogUnavailable, match=r"no log at 127\.0\.0\.1:1") as raised:
        async with connect(settings, name="test"):
            pass
    assert "secret" not in str(raised.value)


async def test_an_error_of_the_block_passes_through(bus_settings: BusSettings) -> None:
    """What the block raises is what comes out, also a cancellation from outside."""
    with pytest.raises(ZeroDivisionError):
        async with connect(bus_settings, name="test"):
            raise ZeroDivisionError

    async def hold() -> None:
        async with connect(bus_settings, name="test"):
            await asyncio.Event().wait()

    task = asyncio.create_task(hold())
    await asyncio.wait([task], timeout=0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
