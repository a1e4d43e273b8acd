"""Verification: each way of tampering with the record is found, and the first bad line named."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bus.pull import Message
from consumers.audit.file import RecordBroken
from consumers.audit.verify import Mark, Marks, compare, verify
from schemas.events.run import RunFinished
from tests.consumers.audit.chain import chain, chained, message, written


def whole(path: Path, since: Mark = Mark()) -> Mark:  # noqa: B008 - frozen
    """Verify all of a record; return where it ends."""
    mark = since
    for _, reached in verify(path, since):
        mark = reached
    return mark


async def stored(count: int, outcome: str = "live") -> AsyncIterator[list[Message]]:
    """Yield the messages of a log, some at a time."""
    for begin in range(1, count + 1, 3):
        numbers = range(begin, min(begin + 3, count + 1))
        yield [message(seq, RunFinished(outcome=outcome)) for seq in numbers]  # type: ignore[arg-type]


def test_a_record_that_holds(tmp_path: Path) -> None:
    """The mark is the last record, and the next line begins at the file's end."""
    records = chain(10)
    path = written(tmp_path / "record.jsonl", records)

    assert whole(path) == Mark(10, records[-1].hash, path.stat().st_size)


def test_only_what_is_new_is_looked_at(tmp_path: Path) -> None:
    """From a mark on, old lines are not read again; whole, a change among them is found."""
    records = chain(10)
    path = written(tmp_path / "record.jsonl", records[:6])
    mark = whole(path)
    body = b"".join(line.text + b"\n" for line in records)
    path.write_bytes(body.replace(b'"live"', b'"done"', 1))

    assert [line.seq for line, _ in verify(path, mark)] == [7, 8, 9, 10]
    with pytest.raises(RecordBroken, match="#1 was changed"):
        whole(path)


def test_a_flipped_byte_is_named(tmp_path: Path) -> None:
    """The line, what is wrong with it, and where it begins."""
    records = chain(5)
    path = written(tmp_path / "record.jsonl", records)
    body = bytearray(path.read_bytes())
    begin = sum(len(line.text) + 1 for line in records[:3])
    body[begin + 60] ^= 1
    path.write_bytes(bytes(body))

    with pytest.raises(RecordBroken, match=rf"#4 was changed.*byte {begin}"):
        whole(path)


def test_a_record_sealed_anew_breaks_the_next(tmp_path: Path) -> None:
    """Who forges one line with a right hash has to forge all that follow."""
    records = chain(3)
    forged = chained([message(2, actor="mallory")], records[0].hash)
    path = written(tmp_path / "record.jsonl", [records[0], *forged, records[2]])

    with pytest.raises(RecordBroken, match="#3 does not follow"):
        whole(path)


def test_a_missing_and_an_inserted_record(tmp_path: Path) -> None:
    """A dropped line leaves a link that leads nowhere, and so does one too many."""
    first, second, third = chain(3)

    with pytest.raises(RecordBroken, match="#2 does not follow"):
        whole(written(tmp_path / "one.jsonl", [first, third]))
    with pytest.raises(RecordBroken, match="#3 does not follow"):
        whole(written(tmp_path / "two.jsonl", [first, second, second, third]))


def test_a_gap_with_right_hashes_is_found(tmp_path: Path) -> None:
    """A chain that leaves out an event holds by its hashes, but not by its numbers."""
    path = written(tmp_path / "record.jsonl", chained([message(1), message(3)]))

    with pytest.raises(RecordBroken, match="after #1 came #3"):
        whole(path)


def test_an_end_cut_off_behind_the_mark_is_found_without_the_log(tmp_path: Path) -> None:
    """What was verified once cannot go unseen, nor be exchanged for something as long."""
    path = written(tmp_path / "record.jsonl", chain(5))
    mark = whole(path)
    written(path, chain(4))
    with pytest.raises(RecordBroken, match=r"was cut: it had .* up to #5"):
        whole(path, mark)

    written(path, chained(message(seq, actor="mallory") for seq in range(1, 6)))
    with pytest.raises(RecordBroken, match="#5 is another one"):
        whole(path, mark)


async def test_a_record_written_anew_differs_from_its_log(tmp_path: Path) -> None:
    """A whole forged chain holds by itself; the log says which line was forged first."""
    forged = [message(seq, actor="mallory" if seq == 4 else "planner") for seq in range(1, 8)]
    path = written(tmp_path / "record.jsonl", chained(forged))
    assert whole(path).seq == 7

    with pytest.raises(RecordBroken, match="#4 is not what the log has at 4"):
        await compare(verify(path, Mark()), stored(7), Mark())


async def test_another_logs_record_is_told(tmp_path: Path) -> None:
    """The first event differs already."""
    path = written(tmp_path / "record.jsonl", chain(5))

    with pytest.raises(RecordBroken, match="#1 is not what the log has"):
        await compare(verify(path, Mark()), stored(5, "failed"), Mark())


async def test_comparing_ends_with_the_shorter(tmp_path: Path) -> None:
    """What only one of the two has yet is not compared."""
    records = chain(5)
    path = written(tmp_path / "record.jsonl", records)

    assert (await compare(verify(path, Mark()), stored(8), Mark())).seq == 5
    assert (await compare(verify(path, Mark()), stored(4), Mark())).hash == records[3].hash


def test_marks_are_kept_beside_the_record(tmp_path: Path) -> None:
    """They come back; one that cannot be read means that all is verified anew."""
    path = tmp_path / "record.jsonl"
    marks = Marks(Mark(3, "a" * 64, 700), Mark(2, "b" * 64, 400))
    marks.write(path)
    assert Marks.read(path) == marks

    (tmp_path / "verified.json").write_text("{")
    assert Marks.read(path) == Marks()
