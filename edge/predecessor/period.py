"""Periods and moments as the predecessor's callers write them: 60m, 1h30m, 7d; RFC 3339."""

import re
from datetime import datetime, timedelta
from typing import Final

from edge.ingest.gate import Refusal

LONGEST: Final = timedelta(days=30)  # as long as usage is kept
_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_PART: Final = re.compile(r"(\d{1,9})(ms|[smhdw])")
_WHOLE: Final = re.compile(r"(?:\d{1,9}(?:ms|[smhdw])){1,6}")


def period(text: str, field: str) -> timedelta:
    """Return a period, the longest one for a longer one; 400 names the field."""
    if not _WHOLE.fullmatch(text):
        raise Refusal(400, f"{field} is no period such as 90s, 60m, 1h30m or 7d")
    seconds = sum(int(count) * _UNITS[unit] for count, unit in _PART.findall(text))
    return timedelta(seconds=min(seconds, LONGEST.total_seconds()))


def since(text: str, field: str, now: datetime) -> datetime:
    """Return a moment that is written as RFC 3339, or as how long ago it was."""
    if "T" not in text.upper():
        return now - period(text, field)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(400, f"{field} is no moment such as 2026-01-31T12:00:00Z") from None
    if moment.tzinfo is None:
        raise Refusal(400, f"{field} has no zone: end it with Z")
    return moment
