"""The audit consumer on a real log: nothing missed, nothing twice, anchored, standing by."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec
import pytest

from bus.connection import Bus
from consumers.audit import anchors
from consumers.audit.anchors import RECORD, RecordForked
from consumers.audit.consumer import audit
from consumers.audit.file import RecordBroken, last_line
from consumers.audit.record import Record, checked, parse
from consumers.audit.verify import Mark, compare, verify
from schemas.events.audit import AuditAnchored
from schemas.events.run import RunFinished
from tests.bus.workers import eventually
from tests.consumers.audit.chain import RUN, chain, message, written


async def append(bus: Bus, first: int, last: int) -> None:
    """Append facts with these numbers."""
    for number in range(first, last + 1):
        fact = RunFinished(outcome="live", message=str(number))
        of = msgspec.structs.replace(RUN, id=f"run-{number}")
        await bus.log.append(fact, of=of, id=f"test:{number}", actor="alice")


def reached(path: Path) -> int:
    """Return the last sequence in a record."""
    text = last_line(path)[1] if path.exists() else b""
    return checked(text, None).seq if text else 0


def holds(path: Path, seq: int) -> bool:
    """Tell whether a record ends at a sequence."""
    return reached(path) == seq


def records(path: Path) -> list[Record]:
    """Return a record that was verified whole."""
    return [parse(line.text) for line, _ in verify(path, Mark())]


@asynccontextmanager
async def auditing(bus: Bus, path: Path) -> AsyncIterator[asyncio.Task[None]]:
    """Run audit while the block runs."""
    stopping = asyncio.Event()
    task = asyncio.create_task(audit(bus, path, stopping))
    try:
        yield task
    finally:
        stopping.set()
        await asyncio.wait((task,), timeout=20)
        assert task.done()


async def test_audit_resumes_without_gap_or_repeat(bus: Bus, tmp_path: Path) -> None:
    """Stopped, its last line torn, started again: each event is there once, the chain holds."""
    path = tmp_path / "audit" / "record.jsonl"
    await append(bus, 1, 30)
    async with auditing(bus, path):
        await eventually(lambda: reached(path) == 30)
    first = records(path)
    with path.open("ab") as file:
        file.write(b'{"seq":31,"time"')
    await append(bus, 31, 60)

    async with auditing(bus, path):
        await eventually(lambda: reached(path) == 60)

    found = records(path)
    assert [record.seq for record in found] == list(range(1, 61))
    assert found[:30] == first
    assert {record.who for record in found} == {"alice"}
    mark = await compare(verify(path, Mark()), bus.follow.stored(after=0, until=60), Mark())
    assert mark.seq == 60


async def test_a_cut_record_is_made_anew_to_the_byte(bus: Bus, tmp_path: Path) -> None:
    """The chain is a function of the log: what was cut off, or all of it, comes back the same."""
    path = tmp_path / "record.jsonl"
    await append(bus, 1, 20)
    async with auditing(bus, path):
        await eventually(lambda: reached(path) == 20)
    body = path.read_bytes()

    path.write_bytes(b"".join(body.splitlines(keepends=True)[:7]))
    async with auditing(bus, path):
        await eventually(lambda: reached(path) == 20)
    async with auditing(bus, tmp_path / "other.jsonl"):
        await eventually(lambda: reached(tmp_path / "other.jsonl") == 20)

    assert path.read_bytes() == body == (tmp_path / "other.jsonl").read_bytes()


async def test_the_head_is_anchored_in_the_log(
    bus: Bus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every so many records its hash is said where who can write the file cannot reach."""
    monkeypatch.setattr(anchors, "EVERY", 10)
    path = tmp_path / "record.jsonl"

    async with auditing(bus, path):
        await append(bus, 1, 25)
        await eventually(lambda: reached(path) >= 27)
        found = await bus.log.last(RECORD, AuditAnchored)

    assert found
    assert 10 <= found.fact.seq < found.seq
    assert records(path)[found.fact.seq - 1].hash == found.fact.hash
    assert found.actor == "audit"


async def test_a_quiet_log_is_anchored_once(
    bus: Bus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while the head is said though little happened; anchors alone cause none."""
    monkeypatch.setattr(anchors, "OFTEN", 0.05)
    monkeypatch.setattr("consumers.audit.consumer.IDLE", 0.02)
    path = tmp_path / "record.jsonl"

    async with auditing(bus, path):
        for number in range(1, 6):
            await append(bus, number, number)
            await eventually(partial(holds, path, 2 * number))

    found = [record.what for record in records(path)]
    assert found == ["run.finished/1", "audit.anchored/1"] * 5


async def test_a_chain_that_the_log_anchors_otherwise_stops(bus: Bus, tmp_path: Path) -> None:
    """An anchor of another chain is no anchor of ours: the record does not go on."""
    path = tmp_path / "record.jsonl"
    await append(bus, 1, 5)
    forged = AuditAnchored(seq=3, hash="f" * 64)
    await bus.log.append(forged, of=RECORD, id="audit:3:audit.anchored", actor="audit")

    with pytest.raises(RecordForked, match="#3 has the hash"):
        async with asyncio.timeout(20):
            await audit(bus, path, asyncio.Event())


async def test_a_record_of_another_log_is_not_built_upon(bus: Bus, tmp_path: Path) -> None:
    """Neither one that knows more than the log, nor one that knows it otherwise."""
    await append(bus, 1, 5)

    with pytest.raises(RecordBroken, match="knows events up to #9, the log ends at 5"):
        await audit(bus, written(tmp_path / "long.jsonl", chain(9)), asyncio.Event())
    with pytest.raises(RecordBroken, match="#4 of the record is not what this log has"):
        await audit(bus, written(tmp_path / "other.jsonl", chain(4)), asyncio.Event())


async def test_a_second_process_stands_by(bus: Bus, tmp_path: Path) -> None:
    """While one writes the record another waits; it goes on when the first one ends."""
    path = tmp_path / "record.jsonl"
    await append(bus, 1, 5)
    async with auditing(bus, path):
        await eventually(lambda: reached(path) == 5)
        second = auditing(bus, path)
        task = await second.__aenter__()
        await append(bus, 6, 10)
        await eventually(lambda: reached(path) == 10)
        assert not task.done()
    await append(bus, 11, 15)
    await eventually(lambda: reached(path) == 15)
    await second.__aexit__(None, None, None)

    assert [record.seq for record in records(path)] == list(range(1, 16))


async def test_poison_in_the_log_has_its_record(bus: Bus, tmp_path: Path) -> None:
    """A message that nobody can decode is in the chain like any other."""
    await append(bus, 1, 2)
    await bus.js.publish(
        "ev.local.x.run.1.finished", b"\xff not json", {"ce-type": "run.finished/1"}
    )
    await append(bus, 3, 4)
    path = tmp_path / "record.jsonl"

    async with auditing(bus, path):
        await eventually(lambda: reached(path) == 5)

    assert [bool(line.text) for line, _ in verify(path, Mark())] == [True] * 5


def test_a_message_is_the_same_on_the_way_and_in_the_log() -> None:
    """The chain that other tests make without a log is made of the same parts."""
    assert parse(chain(1)[0].text).seq == message(1).seq
