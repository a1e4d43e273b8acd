"""The record's file: append only, in order, whole lines."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from consumers.audit.record import GENESIS, Record, line, parse, seal
from schemas.errors import PushlineError

CHUNK = 64 * 1024  # bytes; the last line is looked for from the end in steps of this


class RecordBroken(PushlineError):
    """The record was changed: a line's hash, or the link to the line before, is wrong."""

    code = "record_broken"


class RecordHeld(PushlineError):
    """Another process writes the record."""

    code = "record_held"


class RecordFile:
    """Appends records; knows the last one. The kernel keeps a second writer out."""

    def __init__(self, path: Path) -> None:
        """Open the file, cut off what a killed writer left half written; raises RecordHeld."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+b", buffering=0)
        os.fchmod(self._file.fileno(), 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise RecordHeld(
                f"another process writes {path}", hint="run the consumer audit once for a home"
            ) from error
        whole, last = _last_line(path)
        self._file.truncate(whole)
        record = _checked(last, path) if last else None
        self.seq = record.seq if record else 0
        self.hash = record.hash if record else GENESIS

    def append(self, records: Sequence[Record]) -> None:
        """Write records and wait for the disk; they follow on the last one."""
        if not records:
            return
        body = b"".join(map(line, records))
        written = self._file.write(body)
        if written != len(body):  # the rest is cut off when the file is opened again
            raise OSError(28, "the disk took only part of a record", self._file.name)
        os.fdatasync(self._file.fileno())
        self.seq, self.hash = records[-1].seq, records[-1].hash

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def verify(lines: Iterator[bytes]) -> Iterator[Record]:
    """Yield the records of a file's lines; RecordBroken at the first that does not hold."""
    before = GENESIS
    for number, text in enumerate(lines, start=1):
        try:
            record = parse(text)
        except msgspec.DecodeError as error:
            raise RecordBroken(f"line {number} is no record: {error}") from error
        if record.before != before:
            raise RecordBroken(f"line {number} does not follow on the line before it")
        if seal(record) != record.hash:
            raise RecordBroken(f"line {number} was changed: its hash is not that of its content")
        before = record.hash
        yield record


def _checked(text: bytes, path: Path) -> Record:
    try:
        record = parse(text)
    except msgspec.DecodeError as error:
        raise RecordBroken(
            f"the last line of {path} is no record: {error}",
            hint="move the file away: the record is made anew from the log",
        ) from error
    if seal(record) != record.hash:
        raise RecordBroken(
            f"the last line of {path} was changed",
            hint="keep the file as evidence and move it away: a new one is made from the log",
        )
    return record


def _last_line(path: Path) -> tuple[int, bytes]:
    """Return how long the file is up to its last whole line, and that line without its end."""
    size = path.stat().st_size
    with path.open("rb") as file:
        tail, begin = b"", size
        while begin > 0 and tail.count(b"\n") < 2:
            begin = max(0, begin - CHUNK)
            file.seek(begin)
            tail = file.read(size - begin)
    whole, _, torn = tail.rpartition(b"\n")
    return size - len(torn), whole.rpartition(b"\n")[2]
