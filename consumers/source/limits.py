"""How much of a repository is read, and what is refused by name."""

import time
from dataclasses import dataclass, field

import msgspec

from schemas.errors import GiveUp
from schemas.events.run import Problem

MIB = 1024 * 1024


class SourceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Limits on one push; a repository beyond them is refused, and told why."""

    fetch_seconds: float = 120.0
    pack_bytes: int = 100 * MIB  # as the forge sends it
    unpacked_bytes: int = 400 * MIB
    files: int = 20_000  # in the repository
    archive_files: int = 10_000  # in one function, links followed
    archive_bytes: int = 100 * MIB
    depth: int = 50  # commits that are searched when the forge hands out heads only
    places: int = 4  # commits at a time


class Refused(GiveUp):
    """This commit will never do; ``code`` and ``problems`` become run.rejected."""

    def __init__(self, code: str, problems: tuple[Problem, ...]) -> None:
        """Keep what people are told."""
        super().__init__("; ".join(map(str, problems)))
        self.reason = code
        self.problems = problems


def refused(code: str, message: str, cure: str = "", *, file: str = "") -> Refused:
    """Return a refusal with one problem that no line is to blame for."""
    return Refused(code, (Problem(message, cure, file or "repository"),))


@dataclass(slots=True)
class Deadline:
    """A point in time that long computing checks, for a thread can't be killed."""

    seconds: float
    ends: float = field(init=False)

    def __post_init__(self) -> None:
        """Begin to count."""
        self.ends = time.monotonic() + self.seconds

    def check(self) -> None:
        """Raise Refused once the time is up."""
        if time.monotonic() > self.ends:
            message = f"the commit took longer than {self.seconds:g} s to read"
            raise refused("source_too_large", message, "make the repository smaller")
