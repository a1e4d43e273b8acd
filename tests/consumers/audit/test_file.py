"""The record's file: whole lines, one writer, found by sequence."""

from pathlib import Path

import pytest

from consumers.audit.file import RecordBroken, RecordFile, RecordHeld
from consumers.audit.reading import line_after, lines, start_of
from consumers.audit.record import GENESIS
from schemas.events.run import RunFinished
from tests.consumers.audit.chain import chain, chained, message, written


def test_the_file_goes_on_where_it_ended(tmp_path: Path) -> None:
    """Opened again it knows the last record; nobody else may read it."""
    records = chain(5)
    file = RecordFile(tmp_path / "record.jsonl")
    file.append(records)
    file.close()

    again = RecordFile(tmp_path / "record.jsonl")

    assert (again.seq, again.hash) == (5, records[-1].hash)
    assert (tmp_path / "record.jsonl").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("torn", [1, 40, -1])
def test_a_torn_last_line_is_cut_off(tmp_path: Path, torn: int) -> None:
    """A writer that was killed leaves half a line; it is written again, whole."""
    records = chain(3)
    path = written(tmp_path / "record.jsonl", records[:2])
    path.write_bytes(path.read_bytes() + records[2].text[:torn])

    file = RecordFile(path)
    assert file.seq == 2
    file.append(records[2:])

    assert path.read_bytes() == b"".join(line.text + b"\n" for line in records)


def test_a_lone_torn_line_leaves_an_empty_record(tmp_path: Path) -> None:
    """Killed in its very first record."""
    path = tmp_path / "record.jsonl"
    path.write_bytes(chain(1)[0].text[:30])

    file = RecordFile(path)

    assert (file.seq, file.hash, path.stat().st_size) == (0, GENESIS, 0)


def test_a_long_last_line_is_read_whole(tmp_path: Path) -> None:
    """A line may be longer than what is read at once."""
    long = chained([message(1, RunFinished(outcome="live", message="x" * 200_000))])
    path = written(tmp_path / "record.jsonl", long)

    assert RecordFile(path).hash == long[0].hash


def test_a_changed_last_line_is_not_built_upon(tmp_path: Path) -> None:
    """A new chain on a forged end would hide it."""
    path = written(tmp_path / "record.jsonl", chain(1))
    path.write_bytes(path.read_bytes().replace(b"planner", b"mallory"))

    with pytest.raises(RecordBroken, match="last line"):
        RecordFile(path)


def test_a_second_writer_is_kept_out(tmp_path: Path) -> None:
    """Two processes in one home would break the chain; when one ends, the other may go on."""
    path = tmp_path / "record.jsonl"
    first = RecordFile(path)

    with pytest.raises(RecordHeld, match="another process writes"):
        RecordFile(path)
    first.close()

    RecordFile(path).close()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 64, 257])
def test_every_record_is_found_by_its_sequence(tmp_path: Path, count: int) -> None:
    """Halving leads to the first line above any sequence, also above the last."""
    sizes = [RunFinished(outcome="live", message="x" * (seq * 37 % 400)) for seq in range(count)]
    records = chained(message(seq, fact) for seq, fact in enumerate(sizes, 1))
    path = written(tmp_path / "record.jsonl", records)

    found = [line_after(path, seq) for seq in range(count)]

    assert found == [line.text for line in records]
    assert line_after(path, count) == b""


def test_what_is_half_written_is_read_once_it_is_whole(tmp_path: Path) -> None:
    """A reader that comes to the end of a growing file loses nothing and repeats nothing."""
    first, second = chain(2)
    path = written(tmp_path / "record.jsonl", [first])
    with path.open("rb") as file, path.open("ab", buffering=0) as growing:
        growing.write(second.text[:50])
        assert list(lines(file)) == [first.text]
        assert start_of(file, 1) == len(first.text) + 1
        file.seek(len(first.text) + 1)
        assert list(lines(file)) == []
        growing.write(second.text[50:] + b"\n")
        assert list(lines(file)) == [second.text]
