"""Fold: rows, snapshots, gaps and failures, on a real log."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from bus import fold as folds
from bus import streams
from bus.connection import Bus, BusSettings, connect
from bus.fold import Fold
from schemas.envelope import Aggregate, Recorded
from schemas.errors import Gap, LogUnavailable
from schemas.events import Event
from schemas.events.function import FunctionRemoved
from schemas.events.run import RunBuildStarted, RunFinished


class Count(msgspec.Struct, frozen=True):
    """How many builds a run has begun."""

    builds: int


def key(event: Recorded[Event]) -> str | None:
    """Return the run, nothing for other facts."""
    return event.of.id if event.of.kind == "run" else None


def reduce(row: Count | None, event: Recorded[Event]) -> Count | None:
    """Count builds; a finished run has no row."""
    match event.fact:
        case RunBuildStarted(function="poison"):
            raise ValueError("poison")
        case RunBuildStarted():
            return Count(1 if row is None else row.builds + 1)
        case RunFinished():
            return None
        case _:
            return row


def counts(snapshots: Path | None = None) -> Fold[Count]:
    """Return a new fold."""
    return Fold("counts", row=Count, key=key, reduce=reduce, snapshots=snapshots)


async def build(bus: Bus, function: str, of: str = "1") -> int:
    """Append a fact that is counted."""
    about = Aggregate("local", "alice/hello", "run", of)
    return await bus.log.append(RunBuildStarted(function=function), of=about, id=f"{of}:{function}")


@asynccontextmanager
async def folding(bus: Bus, fold: Fold[Count]) -> AsyncIterator[asyncio.Task[None]]:
    """Run a fold around a block."""
    task = asyncio.create_task(fold.run(bus.follow))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_rows_follow_the_log(bus: Bus) -> None:
    """A fold knows history and what comes, tells of each change, and forgets rows."""
    await build(bus, "a")
    fold, told = counts(), []
    fold.changed.append(
        lambda key, row, event: told.append((key, row, event.seq if event else None))
    )
    async with folding(bus, fold), asyncio.timeout(15):
        await fold.reached(await build(bus, "b"))
        assert fold.rows == {"1": Count(2)}
        other = Aggregate("local", "alice/hello", "branch", "main")
        await bus.log.append(RunBuildStarted(function="x"), of=other, id="x")
        run = Aggregate("local", "alice/hello", "run", "1")
        await fold.reached(await bus.log.append(RunFinished(outcome="live"), of=run, id="f"))

    assert fold.rows == {}
    assert fold.seq == 4
    assert told == [("1", Count(1), 1), ("1", Count(2), 2), ("1", None, 4)]


async def test_a_snapshot_saves_reading_history_again(bus: Bus, tmp_path: Path) -> None:
    """The next fold of the same kind begins where the last one ended."""
    first = counts(tmp_path)
    async with folding(bus, first), asyncio.timeout(15):
        await build(bus, "a")
        await first.reached(await build(bus, "b"))

    second = counts(tmp_path)
    told: list[int | None] = []
    second.changed.append(lambda _key, _row, event: told.append(event.seq if event else None))
    async with folding(bus, second), asyncio.timeout(15):
        await second.reached(await build(bus, "c"))
    assert second.rows == {"1": Count(3)}
    assert told == [3]


async def test_only_what_has_changed_is_written_again(
    bus: Bus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process has dozens of folds: one whose rows stand still leaves the disk to the log.

    At its end each of them is written as far as it has come.
    """
    monkeypatch.setattr(folds, "SECONDS_APART", 0.2)
    still = counts(tmp_path)
    moving = Fold(
        "moving",
        row=Count,
        key=lambda _: "all",
        reduce=lambda row, _: Count(1 if row is None else row.builds + 1),
        snapshots=tmp_path,
    )
    about = Aggregate("local", "alice/hello", "function", "production/hello")
    begun = other = await build(bus, "a")
    async with folding(bus, moving), folding(bus, still), asyncio.timeout(15):
        await written(tmp_path / "counts.json", begun)
        for number in range(3):  # in which it could have been written three times
            fact = FunctionRemoved("alice", "production", "hello")
            other = await bus.log.append(fact, of=about, id=f"removed:{number}")
            await written(tmp_path / "moving.json", other)
        assert f'"seq":{begun}' in (tmp_path / "counts.json").read_text()

    assert f'"seq":{other}' in (tmp_path / "counts.json").read_text()


async def written(path: Path, seq: int) -> None:
    """Wait until a snapshot is at a sequence."""
    while not path.exists() or f'"seq":{seq}' not in path.read_text():  # noqa: ASYNC110 - a disk
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("damage", ["cut", "flipped", "shape", "empty"])
async def test_a_damaged_snapshot_is_rebuilt(bus: Bus, tmp_path: Path, damage: str) -> None:
    """What cannot be trusted is ignored with a warning; the log has everything."""
    first = counts(tmp_path)
    async with folding(bus, first), asyncio.timeout(15):
        await first.reached(await build(bus, "a"))
    path = tmp_path / "counts.json"
    body = path.read_bytes()
    path.write_bytes(
        {
            "cut": body[:-9],
            "flipped": body.replace(b'"builds":1', b'"builds":7'),
            "shape": body.replace(b"counts:", b"counts:0"),
            "empty": b"",
        }[damage]
    )

    second = counts(tmp_path)
    with capture_logs() as logs:
        async with folding(bus, second), asyncio.timeout(15):
            await second.reached(1)
    assert second.rows == {"1": Count(1)}
    assert [entry["log_level"] for entry in logs if entry["event"] == "snapshot_ignored"] == [
        "warning"
    ]


async def test_a_snapshot_of_another_log_is_ignored(
    bus_settings: BusSettings, tmp_path: Path
) -> None:
    """A home whose log was made anew does not keep rows of the old one."""
    first = counts(tmp_path)
    async with connect(bus_settings, name="old") as bus:
        async with folding(bus, first), asyncio.timeout(15):
            await build(bus, "a")
            await first.reached(await build(bus, "b"))
        await bus.js.call("STREAM.DELETE.EVENTS")
    anew = BusSettings(nats_url=bus_settings.nats_url, home=tmp_path / "another")
    await streams.init(anew)

    second, told = counts(tmp_path), []
    second.changed.append(lambda key, row, _: told.append((key, row)))
    second.load()
    assert second.rows == {"1": Count(2)}  # all there is to go by while the log is away
    async with connect(anew, name="new") as bus, folding(bus, second), asyncio.timeout(15):
        await second.reached(await build(bus, "c", "9"))
    assert second.rows == {"9": Count(1)}
    assert told == [("1", None), ("9", Count(1))]


async def test_a_gap_stops_the_fold(bus: Bus) -> None:
    """A fold over a log that lost an event ends, and whoever waits for it is told."""
    for function in "abc":
        await build(bus, function)
    await bus.js.call("STREAM.MSG.DELETE.EVENTS", {"seq": 2, "no_erase": True})
    fold = counts()
    async with folding(bus, fold) as task, asyncio.timeout(15):
        with pytest.raises(Gap):
            await fold.reached(3)
        with pytest.raises(Gap):
            await task
    assert fold.seq == 1


async def test_a_failure_stops_the_fold(bus: Bus, tmp_path: Path) -> None:
    """A reducer that fails is not skipped; the snapshot stands before what it failed on."""
    await build(bus, "a")
    await build(bus, "poison")
    await build(bus, "b")
    fold = counts(tmp_path)
    async with folding(bus, fold) as task, asyncio.timeout(15):
        with pytest.raises(ValueError, match="poison"):
            await task
        with pytest.raises(ValueError, match="poison"):
            await fold.reached(2)
    assert (fold.seq, fold.rows) == (1, {"1": Count(1)})


async def test_whoever_waits_is_told_when_the_fold_ends(bus: Bus) -> None:
    """A wait for a sequence that will not come ends with the fold."""
    fold = counts()
    async with folding(bus, fold):
        waiting = asyncio.create_task(fold.reached(99))
        await fold.reached(await build(bus, "a"))
    async with asyncio.timeout(15):
        with pytest.raises(LogUnavailable, match="was stopped"):
            await waiting


async def test_a_snapshot_that_is_written_late_takes_no_newer_ones_place(tmp_path: Path) -> None:
    """Two threads write at the same moment, the older one last: what was revoked stays so."""
    fold, older = counts(tmp_path), {"1": Count(1)}
    fold.rows, fold.seq = {}, 7
    await fold.save()
    await asyncio.to_thread(fold._write_newer, tmp_path / "counts.json", "", 5, older)  # noqa: SLF001
    again = counts(tmp_path)
    again.load()

    assert (again.seq, again.rows) == (7, {})
