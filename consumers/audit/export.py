"""Exports: a part of the record as JSONL, whose last line says what the file has to hold.

``{"export":{"from":…,"to":…,"records":…,"before":…,"hash":…}}``: the hash that the first record
follows on, and the chain's head. Who has the head from elsewhere (the log's anchors, an earlier
export) knows that the file is the record.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from consumers.audit.file import RecordBroken, readable
from consumers.audit.reading import lines, start_of
from consumers.audit.record import GENESIS, Broken, Line, before_of, checked, seq_of


class Head(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    """What an export holds."""

    since: int
    until: int
    records: int
    before: str
    hash: str


class _Trailer(msgspec.Struct, frozen=True):
    export: Head


def export(record: Path, first: int, last: int | None, out: BinaryIO) -> Head:
    """Write the records from ``first`` to ``last``, each checked; return what was written.

    Raises RecordBroken at the first that does not hold.
    """
    head = Head(since=first, until=first - 1, records=0, before="", hash="")
    with record.open("rb") as file:
        with readable(record):
            file.seek(start_of(file, first - 1))
        for text in lines(file):
            line = _held(text, head)
            if last is not None and line.seq > last:
                break
            out.write(text + b"\n")
            head = _grown(head, line)
    out.write(msgspec.json.encode(_Trailer(head)) + b"\n")
    return head


def read(file: BinaryIO) -> Iterator[Line | Head]:
    """Yield the records of an export, then what it says of itself; all of it holds.

    Raises RecordBroken at the first that does not, or when the end is missing.
    """
    head = Head(since=0, until=0, records=0, before="", hash="")
    for text in lines(file):
        if text.startswith(b'{"export":'):
            yield _told(text, head)
            return
        line = _held(text, head)
        head = _grown(head, line) if head.records else _begun(line)
        yield line
    raise RecordBroken(
        f"after #{head.until} comes no line that says what the export holds: its end was cut off"
    )


def _begun(line: Line) -> Head:
    return Head(since=line.seq, until=line.seq, records=1, before=before_of(line), hash=line.hash)


def _grown(head: Head, line: Line) -> Head:
    return Head(
        since=head.since,
        until=line.seq,
        records=head.records + 1,
        before=head.before or before_of(line),
        hash=line.hash,
    )


def _held(text: bytes, head: Head) -> Line:
    try:
        line = checked(text, head.hash or None)
    except Broken as error:
        raise RecordBroken(f"{_numbered(text, head)} {error}") from error
    if head.records and line.seq != head.until + 1:
        raise RecordBroken(f"after #{head.until} came #{line.seq}")
    if line.seq == 1 and before_of(line) != GENESIS:
        raise RecordBroken("#1 follows on a record, and there is none before the first")
    return line


def _numbered(text: bytes, head: Head) -> str:
    """Return which record a line should be; the first one may be any."""
    try:
        return f"#{head.until + 1 if head.records else seq_of(text)}"
    except Broken:
        return "the first line"


def _told(text: bytes, found: Head) -> Head:
    try:
        told = msgspec.json.decode(text, type=_Trailer).export
    except msgspec.DecodeError as error:
        raise RecordBroken(f"the line that says what the export holds is none: {error}") from error
    empty = told.records == found.records == 0
    if told != found and not empty:
        raise RecordBroken(
            f"the export says that it ends at #{told.until} with {told.hash}, and ends at "
            f"#{found.until} with {found.hash}"
        )
    return told
