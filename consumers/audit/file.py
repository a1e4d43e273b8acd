"""The record's file: append only, in order, whole lines, one writer."""

import fcntl
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from consumers.audit.record import GENESIS, Broken, Line, checked
from schemas.errors import PushlineError

CHUNK: Final = 64 * 1024  # bytes; the last line is looked for from the end in steps of this
NAME: Final = "record.jsonl"


class RecordBroken(PushlineError):
    """The record was changed, or is not of this log; the message names the first bad line.

    Keep the file as evidence, move it away and start audit again: it is made anew from the log.
    """

    code = "record_broken"


class RecordHeld(PushlineError):
    """Another process writes the record; this one takes over when that one ends."""

    code = "record_held"


class RecordFile:
    """Appends lines; knows the last one. The kernel keeps a second writer out."""

    def __init__(self, path: Path) -> None:
        """Open the file, cut off what a killed writer left half written; raises RecordHeld."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._writing = threading.Lock()  # a cancelled append runs to its end in its thread
        self._file = path.open("a+b", buffering=0)
        os.fchmod(self._file.fileno(), 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise RecordHeld(
                f"another process writes {path}", hint="this one takes over when that one ends"
            ) from error
        whole, last = last_line(path)
        self._file.truncate(whole)
        self.last = _checked(last, path) if last else None

    @property
    def seq(self) -> int:
        """Return the sequence of the last record, 0 for none."""
        return self.last.seq if self.last else 0

    @property
    def hash(self) -> str:
        """Return the hash of the last record: the chain's head."""
        return self.last.hash if self.last else GENESIS

    def append(self, lines: Sequence[Line]) -> None:
        """Write lines and wait for the disk; they follow on the last one."""
        body = b"\n".join((*(line.text for line in lines), b""))
        with self._writing:
            written = self._file.write(body)
            if written != len(body):  # the rest is cut off when the file is opened again
                raise OSError(28, "the disk took only part of a record", self._file.name)
            os.fdatasync(self._file.fileno())
            self.last = lines[-1]

    def close(self) -> None:
        """Close the file, which lets another process write it."""
        with self._writing:
            self._file.close()


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Raise RecordBroken where what reads a record meets a line that is none."""
    try:
        yield
    except (Broken, msgspec.DecodeError) as error:
        raise RecordBroken(
            f"a line of {path} is no record",
            hint="`pushline audit verify --whole` names the first one",
        ) from error


def last_seq(path: Path) -> int:
    """Return the sequence of a record's last line, 0 for none; raises RecordBroken."""
    with readable(path):
        _, text = last_line(path)
        return checked(text, None).seq if text else 0


def _checked(text: bytes, path: Path) -> Line:
    try:
        return checked(text, None)
    except Broken as error:
        raise RecordBroken(
            f"the last line of {path} {error}",
            hint="keep the file as evidence and move it away: a new one is made from the log",
        ) from error


def last_line(path: Path) -> tuple[int, bytes]:
    """Return how long the file is up to its last whole line, and that line without its end."""
    size = path.stat().st_size
    pieces: list[bytes] = []
    ends, begin = 0, size
    with path.open("rb") as file:
        while begin > 0 and ends < 2:
            step = min(CHUNK, begin)
            begin -= step
            file.seek(begin)
            pieces.append(file.read(step))
            ends += pieces[-1].count(b"\n")
    whole, _, torn = b"".join(reversed(pieces)).rpartition(b"\n")
    return size - len(torn), whole.rpartition(b"\n")[2]
