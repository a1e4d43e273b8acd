"""`pushline audit`: who did what, in a record that shows when it was changed."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cyclopts import App
from rich.console import Console
from rich.text import Text

from consumers.audit.file import verify
from consumers.audit.record import Record, parse
from edge.cli import where
from edge.cli.output import as_json, console, when
from edge.cli.where import FollowOption, HomeOption, JsonOption
from schemas.catalog import BY_TAG
from schemas.errors import PushlineError

app = App(name="audit", help="See who did what, in a record that shows when it was changed.")

POLL = 0.1  # seconds between looks at the file's end
NAMES = frozenset(tag.partition("/")[0] for tag in BY_TAG)
STEP = 64 * 1024  # bytes read at once from the file's end


class NoRecord(PushlineError):
    """There is no audit record in this home."""

    code = "no_record"


@app.command
def tail(
    *,
    follow: FollowOption = False,
    limit: int = 20,
    json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Print the newest records: who did what, on what, and because of what.

    Parameters
    ----------
    limit
        At most so many of those that are there.
    """
    path = _path(home)
    out = console()
    with path.open("rb") as file:
        file.seek(_start_of_last(path, limit))
        for text in _lines(file, follow=follow):
            _print(parse(text), out, json=json)
    return 0


@app.command(name="verify")
def verify_(*, json: JsonOption = False, home: HomeOption = None) -> int:
    """Check every record's hash, and that each follows on the one before."""
    last: Record | None = None
    with _path(home).open("rb") as file:
        for record in verify(line.rstrip(b"\n") for line in file if line.endswith(b"\n")):
            last = record
    if json:
        as_json([{"verified": last.seq if last else 0, "hash": last.hash if last else ""}])
    else:
        print(f"the record holds up to #{last.seq}, {last.hash}" if last else "it is empty")
    return 0


def _path(home: Path | None) -> Path:
    found = where.find(home).audit
    if not found.exists():
        raise NoRecord(f"there is no {found}", hint="`pushline up` begins it: is this the home?")
    return found


def _start_of_last(path: Path, limit: int) -> int:
    """Return where the last ``limit`` lines begin."""
    begin = size = path.stat().st_size
    tail = b""
    with path.open("rb") as file:
        while begin > 0 and tail.count(b"\n") <= limit:
            begin = max(0, begin - STEP)
            file.seek(begin)
            tail = file.read(size - begin)
    lines = tail.splitlines(keepends=True)
    return begin + sum(map(len, lines[: max(0, len(lines) - limit)]))


def _lines(file: BinaryIO, *, follow: bool) -> Iterator[bytes]:
    """Yield whole lines; with ``follow`` wait for more."""
    rest = b""
    while True:
        rest += file.read(STEP)
        *whole, rest = rest.split(b"\n")
        yield from whole
        if not whole and not follow:
            return
        if not whole:
            time.sleep(POLL)


def short(cause: str) -> str:
    """Return the fact that a cause's id ends in, or the whole id of a delivery.

    An id holds the ids of all that led to it; ``--json`` tells it whole.
    """
    facts = [word for word in cause.split(":") if word in NAMES]
    return facts[-1] if facts else cause


def _print(record: Record, out: Console, *, json: bool) -> None:
    if json:
        as_json([record])
        return
    what = record.what.partition("/")[0]
    about = record.on.split(":", 3)[3]
    out.print(
        Text.assemble(
            (f"{record.seq:>6}  {when(record.time)}  ", "bright_black"),
            (f"{record.who:<12}", "bold"),
            f" {what:<22}  {record.project} ",
            (about, "bright_black"),
            (f"  after {short(record.cause)}" if record.cause else "", "bright_black"),
        )
    )
    sys.stdout.flush()
