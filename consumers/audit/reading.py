"""Reading the record while it grows: by sequence, from any line on, in bounded memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from consumers.audit.record import seq_of

PIECE: Final = 256 * 1024  # bytes read at once


def start_of(file: BinaryIO, seq: int) -> int:
    """Return where the first line begins whose sequence is above ``seq``, by halving.

    Raises Broken where a line is no record.
    """
    low, high = 0, file.seek(0, 2)
    while low < high:
        middle = (low + high) // 2
        begin, text = _line_from(file, middle, high)
        whole = text.endswith(b"\n")  # else nothing whole begins between here and there
        if not whole or seq_of(text) > seq:
            high = middle
        else:
            low = begin + len(text)
    return low


def _line_from(file: BinaryIO, place: int, end: int) -> tuple[int, bytes]:
    """Return the first line that begins at ``place`` or after it, and where; nothing: b""."""
    if place:
        file.seek(place - 1)
        place += len(file.readline()) - 1
    if place >= end:
        return place, b""
    file.seek(place)
    return place, file.readline()


def line_after(path: Path, seq: int) -> bytes:
    """Return the first line above ``seq``, without its end; nothing where there is none."""
    with path.open("rb") as file:
        file.seek(start_of(file, seq))
        text = file.readline()
    return text[:-1] if text.endswith(b"\n") else b""


def lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the whole lines from where the file stands, without their ends.

    Ends at the file's end; what is half written is left for the next time.
    """
    rest, place = b"", file.tell()
    while piece := file.read(PIECE):
        *whole, rest = (rest + piece).split(b"\n")
        for text in whole:
            place += len(text) + 1
            yield text
    file.seek(place)
