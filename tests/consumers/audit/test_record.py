"""The audit record: whole, in order, and telling when it was changed."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from bus.connection import Bus
from consumers.audit.consumer import audit
from consumers.audit.file import RecordBroken, RecordFile, RecordHeld, verify
from consumers.audit.record import GENESIS, Record, line, parse, record_of, seal
from schemas.envelope import Aggregate, Recorded, Unknown
from schemas.events.run import RunBuildFailed, RunFinished

RUN = Aggregate("local", "alice/hello", "run", "01JD8Z6Q5V0000000000000000")


def an_event(seq: int) -> Recorded[RunFinished]:
    """Return the event with this sequence."""
    return Recorded(
        fact=RunFinished(outcome="live"),
        of=RUN,
        id=f"planner:{seq}:run.finished",
        seq=seq,
        time=datetime(2026, 3, 1, tzinfo=UTC),
        cause=f"deployer:{seq}",
        run=RUN.id,
        actor="planner",
        name="alice/hello",
    )


def chain(count: int) -> list[Record]:
    """Return records that follow on each other."""
    records: list[Record] = []
    for seq in range(1, count + 1):
        records.append(record_of(an_event(seq), records[-1].hash if records else GENESIS))
    return records


def test_a_record_says_who_what_when_and_why() -> None:
    """All of the envelope that an auditor asks for, and what the fact says."""
    record = record_of(an_event(7), GENESIS)

    assert (record.who, record.what, record.seq) == ("planner", "run.finished/1", 7)
    assert record.on == f"local:alice/hello:run:{RUN.id}"
    assert (record.project, record.cause, record.run) == ("alice/hello", "deployer:7", RUN.id)
    assert record.detail == {"outcome": "live"}
    assert parse(line(record)) == record


def test_the_log_of_a_build_is_not_copied() -> None:
    """What programs print may hold anything; the record says where it stands."""
    fact = RunBuildFailed(function="hello", code="c", message="m", tail=("secret",))
    event = msgspec.structs.replace(an_event(1), fact=fact)

    assert "tail" not in record_of(event, GENESIS).detail


def test_a_fact_of_a_newer_release_is_recorded() -> None:
    """Its tag is known, its content stays in the log."""
    fact = Unknown(type="run.painted/1", body=msgspec.Raw(b'{"colour":"red"}'))
    event = msgspec.structs.replace(an_event(1), fact=fact)

    assert record_of(event, GENESIS).what == "run.painted/1"


def test_each_record_carries_the_hash_of_the_one_before() -> None:
    """A chain holds, and ends with the last one's hash."""
    records = chain(3)

    assert [record.before for record in records] == [GENESIS, records[0].hash, records[1].hash]
    assert list(verify(line(record) for record in records)) == records


def test_a_changed_record_is_found() -> None:
    """Another word in a line does not fit its hash."""
    lines = [line(record) for record in chain(3)]
    lines[1] = lines[1].replace(b'"live"', b'"failed"')

    with pytest.raises(RecordBroken, match="line 2 was changed"):
        list(verify(iter(lines)))


def test_a_record_that_was_sealed_anew_breaks_the_next() -> None:
    """Who forges one line with a right hash has to forge all that follow."""
    records = chain(3)
    forged = msgspec.structs.replace(records[1], who="mallory")
    records[1] = msgspec.structs.replace(forged, hash=seal(forged))

    with pytest.raises(RecordBroken, match="line 3 does not follow"):
        list(verify(line(record) for record in records))


def test_a_missing_record_is_found() -> None:
    """A dropped line leaves a link that leads nowhere."""
    first, _, third = chain(3)

    with pytest.raises(RecordBroken, match="line 2 does not follow"):
        list(verify(iter([line(first), line(third)])))


def test_the_file_goes_on_where_it_ended(tmp_path: Path) -> None:
    """Opened again it knows the last record."""
    records = chain(5)
    file = RecordFile(tmp_path / "audit.jsonl")
    file.append(records)
    file.close()

    again = RecordFile(tmp_path / "audit.jsonl")

    assert (again.seq, again.hash) == (5, records[-1].hash)
    assert (tmp_path / "audit.jsonl").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("torn", [1, 40, -1])
def test_a_torn_last_line_is_cut_off(tmp_path: Path, torn: int) -> None:
    """A writer that was killed leaves half a line; it is written again, whole."""
    records, path = chain(3), tmp_path / "audit.jsonl"
    path.write_bytes(b"".join(map(line, records[:2])) + line(records[2])[:torn])

    file = RecordFile(path)
    assert file.seq == 2
    file.append(records[2:])

    assert list(verify(iter(path.read_bytes().splitlines()))) == records


def test_a_lone_torn_line_leaves_an_empty_record(tmp_path: Path) -> None:
    """Killed in its very first record."""
    path = tmp_path / "audit.jsonl"
    path.write_bytes(line(chain(1)[0])[:30])

    file = RecordFile(path)

    assert (file.seq, file.hash, path.stat().st_size) == (0, GENESIS, 0)


def test_a_long_last_line_is_read_whole(tmp_path: Path) -> None:
    """A line may be longer than what is read at once."""
    long = record_of(
        msgspec.structs.replace(
            an_event(1), fact=RunFinished(outcome="live", message="x" * 200_000)
        ),
        GENESIS,
    )
    path = tmp_path / "audit.jsonl"
    path.write_bytes(line(long))

    assert RecordFile(path).hash == long.hash


def test_a_changed_last_line_is_not_built_upon(tmp_path: Path) -> None:
    """A new chain on a forged end would hide it."""
    path = tmp_path / "audit.jsonl"
    path.write_bytes(line(chain(1)[0]).replace(b"planner", b"mallory"))

    with pytest.raises(RecordBroken, match="last line"):
        RecordFile(path)


async def recorded(bus: Bus, path: Path, seq: int) -> list[Record]:
    """Run audit until its file has reached ``seq``; return the verified records."""
    stopping = asyncio.Event()
    task = asyncio.create_task(audit(bus, path, stopping))
    async with asyncio.timeout(20):
        while not path.exists() or b'{"seq":%d,' % seq not in path.read_bytes():
            await asyncio.sleep(0.01)
            assert not task.done(), task.exception()
        stopping.set()
        await task
    return list(verify(iter(path.read_bytes().splitlines())))


async def append(bus: Bus, first: int, last: int) -> None:
    """Append facts with these numbers."""
    for number in range(first, last + 1):
        fact = RunFinished(outcome="live", message=str(number))
        of = msgspec.structs.replace(RUN, id=f"run-{number}")
        await bus.log.append(fact, of=of, id=f"test:{number}", actor="alice")


async def test_audit_resumes_without_gap_or_repeat(bus: Bus, tmp_path: Path) -> None:
    """Stopped, its last line torn, started again: each event is there once, the chain holds."""
    path = tmp_path / "audit" / "audit.jsonl"
    await append(bus, 1, 30)
    first = await recorded(bus, path, 30)
    with path.open("ab") as file:
        file.write(b'{"seq":31,"time"')
    await append(bus, 31, 60)

    records = await recorded(bus, path, 60)

    assert [record.seq for record in records] == list(range(1, 61))
    assert records[:30] == first
    assert {record.who for record in records} == {"alice"}


def test_a_second_writer_is_kept_out(tmp_path: Path) -> None:
    """Two processes in one home would break the chain; when one ends, the other may go on."""
    path = tmp_path / "audit.jsonl"
    first = RecordFile(path)

    with pytest.raises(RecordHeld, match="another process writes"):
        RecordFile(path)
    first.close()

    RecordFile(path).close()
