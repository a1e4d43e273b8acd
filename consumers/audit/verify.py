"""Verification: the record against itself, and against the log it tells of.

What the file alone shows: a line that was changed, dropped, inserted or moved. What it cannot
show, for who can write the file can write it anew: its end cut off, or another record put in its
place. The log shows both: each line is made again from its event, and the log holds anchors.
"""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from bus.blobs import write_whole
from bus.pull import Message
from consumers.audit.file import RecordBroken
from consumers.audit.reading import lines
from consumers.audit.record import GENESIS, Broken, Line, before_of, checked, line_of

EVIDENCE: Final = "keep the file as evidence; audit makes a new one from the log where none is"


class Mark(msgspec.Struct, frozen=True):
    """How far the record was found to hold."""

    seq: int = 0
    hash: str = GENESIS
    offset: int = 0  # where the next line begins


def verify(path: Path, since: Mark) -> Iterator[tuple[Line, Mark]]:
    """Yield each line from ``since`` on that holds; RecordBroken names the first that does not."""
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) < since.offset:
            raise RecordBroken(
                f"the record was cut: it had {since.offset} bytes, up to #{since.seq}, when it was "
                "last verified",
                hint=EVIDENCE,
            )
        if since.offset and not _ends_with(file, since):
            raise RecordBroken(
                f"#{since.seq} is another one than when it was last verified: the record was "
                "written anew",
                hint=EVIDENCE,
            )
        file.seek(since.offset)
        mark = since
        for text in lines(file):
            line = _next(text, mark)
            mark = Mark(line.seq, line.hash, mark.offset + len(text) + 1)
            yield line, mark


def _ends_with(file: BinaryIO, mark: Mark) -> bool:
    """Tell whether what stands before a mark ends in its hash."""
    end = b'"%s"}\n' % mark.hash.encode()
    file.seek(mark.offset - len(end))
    return file.read(len(end)) == end


def _next(text: bytes, before: Mark) -> Line:
    expected = before.seq + 1
    try:
        line = checked(text, before.hash)
    except Broken as error:
        raise RecordBroken(
            f"#{expected} {error} (byte {before.offset} of the record)", hint=EVIDENCE
        ) from error
    if line.seq != expected:
        raise RecordBroken(f"after #{before.seq} came #{line.seq}", hint=EVIDENCE)
    return line


async def compare(
    found: Iterator[tuple[Line, Mark]], stored: AsyncIterator[list[Message]], since: Mark
) -> Mark:
    """Make each line again from its event; return how far both were equal.

    Ends with the shorter of the two; RecordBroken names the first line that differs.
    """
    mark = since
    async for messages in stored:
        for message in messages:
            line, reached = next(found, (None, mark))
            if line is None:
                return mark
            if line_of(message, before_of(line)).text != line.text:
                raise RecordBroken(
                    f"#{line.seq} is not what the log has at {message.seq}: the record was "
                    "written anew, or is of another log",
                    hint=EVIDENCE,
                )
            mark = reached
    return mark


class Marks(msgspec.Struct, frozen=True):
    """What is known of a record from earlier verifications."""

    alone: Mark = Mark()  # the file by itself
    log: Mark = Mark()  # the file and its log

    @classmethod
    def read(cls, record: Path) -> "Marks":
        """Return what was kept beside the record; nothing that can be read: verify it whole."""
        try:
            return msgspec.json.decode(_kept(record).read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError):
            return cls()

    def write(self, record: Path) -> None:
        """Keep it beside the record, for the next time."""
        write_whole(_kept(record), msgspec.json.encode(self))


def _kept(record: Path) -> Path:
    return record.with_name("verified.json")
