"""Where the record of a home is."""

from pathlib import Path

from edge.cli import where
from schemas.errors import PushlineError


class NoRecord(PushlineError):
    """There is no audit record in this home."""

    code = "no_record"


def record(home: Path | None) -> Path:
    """Return the record's file; NoRecord where there is none."""
    found = where.find(home).audit
    if not found.exists():
        raise NoRecord(f"there is no {found}", hint="`pushline up` begins it: is this the home?")
    return found
