"""A file, turned over when it is large: ``path``, then ``path.1``, the older the higher."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bus.blocking import run_blocking
from consumers.audit.record import Line
from consumers.audit.sinks.settings import File

MIB: Final = 1024**2


class FileSink:
    """Appends to a file that its group may read."""

    linger = 0.0
    most = 4 * 1024**2  # bytes

    def __init__(self, settings: File) -> None:
        """Write where the settings say; nothing is opened yet."""
        self._path = Path(settings.path)
        self._most = settings.rotate_mib * MIB
        self._keep = settings.keep

    def window(self, after: int) -> tuple[int, int]:
        """Return the next 500."""
        return after, after + 500

    async def take(self, records: Sequence[Line]) -> None:
        """Append, and wait for the disk."""
        await run_blocking(self._write, b"".join(line.text + b"\n" for line in records))

    def _write(self, body: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._path.exists() and self._path.stat().st_size + len(body) > self._most:
            self._turn()
        with self._path.open("ab") as file:
            os.fchmod(file.fileno(), 0o640)
            if file.tell() and not _ends_whole(self._path):
                file.write(b"\n")  # what was being written when the disk was full
            file.write(body)
            file.flush()
            os.fdatasync(file.fileno())

    def _turn(self) -> None:
        """Give every file the next number; the last one goes."""
        for number in range(self._keep, 0, -1):
            older = self._numbered(number)
            newer = self._numbered(number - 1) if number > 1 else self._path
            if newer.exists():
                newer.replace(older)

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
