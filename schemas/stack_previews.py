"""``previews:`` of a stack.yml: which branches and pull requests get an environment each."""

import re
from typing import Final

from schemas.environments import Previews
from schemas.stack_fields import FieldReader
from schemas.stack_yaml import Row

PATTERNS: Final = 20
LONGEST: Final = 90 * 86400  # seconds a preview may live unused
_SPAN: Final = re.compile(r"([1-9]\d{0,3})([hdw])")
_UNITS: Final = {"h": 3600, "d": 86400, "w": 604800}
_FIELDS: Final = ("branches", "pull_requests", "expire")


def read(reader: FieldReader, row: Row) -> Previews:
    """Return what a stack says of previews; what is wrong is noted with its line."""
    rows = dict(reader.rows(reader.table(row.value, "previews"), "previews", _FIELDS))
    branches: tuple[str, ...] = ()
    pull_requests, expire = False, 0
    if "branches" in rows:
        branches = _patterns(reader, rows["branches"])
    if "pull_requests" in rows:
        pull_requests = reader.flag(rows["pull_requests"].value, "previews.pull_requests")
    if "expire" in rows:
        expire = _seconds(reader, rows["expire"])
    return Previews(branches, pull_requests, expire)


def _patterns(reader: FieldReader, row: Row) -> tuple[str, ...]:
    field = "previews.branches"
    patterns = reader.texts(row.value, field)
    if len(patterns) > PATTERNS:
        said = f"{len(patterns)} patterns, more than {PATTERNS}"
        reader.error(row.line, field, said, "one pattern takes many branches: feature/*")
    return patterns


def _seconds(reader: FieldReader, row: Row) -> int:
    field = "previews.expire"
    said = reader.text(row.value, field)
    if not said:
        return 0
    found = _SPAN.fullmatch(said)
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < seconds <= LONGEST:
        message = f"{said} is not a time that a preview may live unused"
        reader.error(
            row.line, field, message, f"such as 12h, 7d or 2w, at most {LONGEST // 86400}d"
        )
    return seconds
