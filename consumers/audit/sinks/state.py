"""How far a sink has come, in a file of its own: what it resumes from, and what people see."""

from datetime import datetime
from pathlib import Path

import msgspec

from bus.blobs import write_whole
from schemas.errors import Retry


class NotTaken(Retry):
    """A sink did not take its records; they are sent again, in order, later and later."""

    code = "sink_not_taken"

    def __init__(self, message: str, *, after: float = 0.0) -> None:
        """Say why, without what the sink answered; ``after``: seconds that it asks for."""
        super().__init__(message)
        self.after = after


class TooMuch(NotTaken):
    """A sink asks for less at once."""

    code = "sink_too_much"


class State(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One sink; ``seq`` and ``hash`` name the last record that it has taken or passed over."""

    seq: int
    hash: str
    taken: datetime | None = None  # when it took something last
    failing: datetime | None = None  # since when it has taken nothing
    attempts: int = 0  # since then
    error: str = ""

    @classmethod
    def read(cls, record: Path, name: str) -> "State | None":
        """Return what stands beside the record; None for a sink that was never there.

        Raises msgspec.DecodeError.
        """
        try:
            return msgspec.json.decode(_path(record, name).read_bytes(), type=cls)
        except FileNotFoundError:
            return None

    def write(self, record: Path, name: str) -> None:
        """Keep it; lost, the records since the last one kept are sent twice."""
        path = _path(record, name)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_whole(path, msgspec.json.encode(self))


class Named(msgspec.Struct, frozen=True):
    """A sink that is configured."""

    name: str
    kind: str


def configured(record: Path) -> list[Named]:
    """Return the sinks that the record's writer has, as it says itself."""
    try:
        return msgspec.json.decode(_list(record).read_bytes(), type=list[Named])
    except FileNotFoundError:
        return []


def configure(record: Path, sinks: list[Named]) -> None:
    """Say which sinks there are, for who looks at the record from another process."""
    write_whole(_list(record), msgspec.json.encode(sinks))


def _list(record: Path) -> Path:
    return record.with_name("sinks.json")


def _path(record: Path, name: str) -> Path:
    return record.parent / "sinks" / f"{name}.json"
