"""`pushline audit tail`: the record as it is, and as it grows."""

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from consumers.audit.file import last_seq, readable
from consumers.audit.reading import lines, start_of
from consumers.audit.record import Record, parse
from edge.api.eventline import AuditLine
from edge.api.shapes import Page
from edge.api.wanted import Wanted, wanted
from edge.cli.audit.place import record
from edge.cli.choosing import (
    ActorOption,
    AfterOption,
    KindOption,
    ProjectOption,
    SinceOption,
    UntilOption,
)
from edge.cli.client import Api
from edge.cli.output import as_json, console, when
from edge.cli.streaming import newest, streamed
from edge.cli.where import HERE, At, FollowOption, JsonOption, elsewhere
from schemas.catalog import BY_TAG

POLL: Final = 0.005  # seconds between looks at the file's end
NAMES: Final = frozenset(tag.partition("/")[0] for tag in BY_TAG)


def tail(
    *,
    follow: FollowOption = False,
    limit: Annotated[int, Parameter(help="At most so many of those that are there.")] = 20,
    project: ProjectOption = "",
    actor: ActorOption = "",
    kind: KindOption = "",
    since: SinceOption = "",
    until: UntilOption = "",
    after: AfterOption = None,
    json: JsonOption = False,
    at: At = HERE,
) -> int:
    """Print the newest records: who did what, on what, and because of what.

    The number before each is its sequence: `--after` that goes on behind it, without a gap.
    """
    words = {"project": project, "actor": actor, "kind": kind, "since": since, "until": until}
    chosen, out = wanted(**words), console()
    if (context := elsewhere(at)) is not None:
        for line in _of_api(Api(context), after, limit, words, follow=follow):
            _print(line, out, json=json)
        return 0
    path = record(at.home)
    with readable(path):
        begin = after if after is not None else _before_last(path, limit, chosen)
        for found in _records(path, begin, chosen, follow=follow):
            _print(found, out, json=json)
    return 0


def _of_api(
    api: Api, after: int | None, limit: int, words: dict[str, str], *, follow: bool
) -> Iterator[AuditLine]:
    many = limit if after is None else None
    found = newest(api, "/api/audit", Page[AuditLine], many, after=after or 0, **words)
    yield from found
    if follow:
        behind = found[-1].seq if found else after
        yield from streamed(api, "/api/audit/tail", AuditLine, behind, **words)


def _before_last(path: Path, limit: int, chosen: Wanted) -> int:
    """Return the sequence behind which the last ``limit`` wanted records are."""
    upper, left, step = last_seq(path), limit, max(limit, 100)
    while upper > 0 and left > 0:
        lower = max(0, upper - step)
        found = [one.seq for one in _between(path, lower, upper) if _takes(chosen, one)]
        if len(found) >= left:
            return found[-left] - 1
        left, upper, step = left - len(found), lower, step * 2
    return upper


def _between(path: Path, after: int, until: int) -> Iterator[Record]:
    with path.open("rb") as file:
        file.seek(start_of(file, after))
        for text in lines(file):
            found = parse(text)
            if found.seq > until:
                return
            yield found


def _records(path: Path, after: int, chosen: Wanted, *, follow: bool) -> Iterator[Record]:
    """Yield wanted records; with ``follow`` wait for more, also in a record made anew."""
    while True:
        with path.open("rb") as file:
            node = path.stat().st_ino
            file.seek(start_of(file, after))
            while True:
                for text in lines(file):
                    found = parse(text)
                    after = found.seq
                    if _takes(chosen, found):
                        yield found
                if not follow or _over(chosen):
                    return
                time.sleep(POLL)
                if _replaced(path, node, file.tell()):
                    break


def _replaced(path: Path, node: int, place: int) -> bool:
    """Tell whether another file stands in the place of the one that is read."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False  # until the new one is there
    return found.st_ino != node or found.st_size < place


def _over(chosen: Wanted) -> bool:
    """Tell whether nothing that comes can be wanted any more."""
    return chosen.until is not None and datetime.now(UTC) > chosen.until


def _takes(chosen: Wanted, found: Record) -> bool:
    return chosen.takes(
        kind=found.what.partition("/")[0],
        actor=found.who,
        names=(found.project, found.on.split(":", 3)[1]),
        time=found.time,
    )


def short(cause: str) -> str:
    """Return the fact that a cause's id ends in, or the whole id of a delivery.

    An id holds the ids of all that led to it; ``--json`` tells it whole.
    """
    facts = [word for word in cause.split(":") if word in NAMES]
    return facts[-1] if facts else cause


def _print(record: Record | AuditLine, out: Console, *, json: bool) -> None:
    if json:
        as_json([record])
        return
    what = record.what.partition("/")[0]
    about = record.on.split(":", 3)[-1]
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
