"""Exports can be verified alone, anywhere."""

import io
from pathlib import Path

import pytest

from consumers.audit.export import Head, export, read
from consumers.audit.file import RecordBroken
from tests.consumers.audit.chain import chain, written


def exported(tmp_path: Path, first: int = 1, last: int | None = None, count: int = 9) -> bytes:
    """Return the bytes of an export."""
    out = io.BytesIO()
    export(written(tmp_path / "record.jsonl", chain(count)), first, last, out)
    return out.getvalue()


def head(body: bytes) -> Head:
    """Return what an export says of itself, once all of it holds."""
    *_, last = read(io.BytesIO(body))
    assert isinstance(last, Head)
    return last


def test_a_part_holds_by_itself(tmp_path: Path) -> None:
    """From a sequence to another; its head is the last record's hash."""
    records = chain(9)

    found = head(exported(tmp_path, 3, 7))

    assert (found.since, found.until, found.records) == (3, 7, 5)
    assert (found.before, found.hash) == (records[1].hash, records[6].hash)
    assert head(exported(tmp_path)).records == 9


def test_an_empty_part_is_an_export_too(tmp_path: Path) -> None:
    """Nothing after the end of the record: no records, and it says so."""
    assert head(exported(tmp_path, 50)).records == 0
    assert head(exported(tmp_path, count=0)).records == 0


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (b'"live"', b'"dead"', "#1 was changed"),
        (b'{"export":', b'{"exp":', "#10 is no record"),
        (b'"records":9', b'"records":8', "says that it ends at #9"),
    ],
)
def test_a_change_is_named(tmp_path: Path, old: bytes, new: bytes, says: str) -> None:
    """The record, or what the export says of itself."""
    body = exported(tmp_path).replace(old, new, 1)

    with pytest.raises(RecordBroken, match=says):
        head(body)


def test_a_cut_end_is_told(tmp_path: Path) -> None:
    """Without its last line an export is not whole."""
    body = exported(tmp_path)

    for lines in (0, 1, 5, 9):
        cut = b"".join(body.splitlines(keepends=True)[:lines])
        with pytest.raises(RecordBroken, match="its end was cut off"):
            head(cut)


def test_a_broken_record_is_not_exported(tmp_path: Path) -> None:
    """What is handed out was checked."""
    path = written(tmp_path / "record.jsonl", chain(3))
    path.write_bytes(path.read_bytes().replace(b'"live"', b'"dead"', 1))

    with pytest.raises(RecordBroken, match="#1 was changed"):
        export(path, 1, None, io.BytesIO())
