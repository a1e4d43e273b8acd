"""``previews:`` of a stack.yml: which branches and pull requests get an environment each."""

from typing import Final

from schemas.environments import LONGEST, Previews, seconds_of
from schemas.stack_fields import FieldReader
from schemas.stack_yaml import Row

PATTERNS: Final = 20
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
    seconds = seconds_of(said)
    if seconds is None:
        message = f"{said} is not a time that a preview may live unused"
        reader.error(
            row.line, field, message, f"such as 12h, 7d or 2w, at most {LONGEST // 86400}d"
        )
    return seconds or 0
