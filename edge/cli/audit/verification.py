"""`pushline audit verify`: whether the record holds, and whether it is what the log says."""

import asyncio
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cyclopts import Parameter

from bus.connection import Bus, connect
from consumers.audit.anchors import RECORD
from consumers.audit.export import Head, read
from consumers.audit.file import RecordBroken, last_seq
from consumers.audit.verify import EVIDENCE, Mark, Marks, compare, verify
from edge.cli.audit.place import record
from edge.cli.operator import settings
from edge.cli.output import as_json
from edge.cli.where import HomeOption, JsonOption
from schemas.events.audit import AuditAnchored

PATIENCE: Final = 5.0  # seconds that a record may take to reach the log's end
POLL: Final = 0.05  # seconds


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What was verified; stable."""

    verified: int  # the sequence up to which all holds
    hash: str
    since: int  # the first that was looked at this time
    records: int  # that were looked at this time
    log: bool  # compared with the log, too
    anchor: int = 0  # the last sequence whose hash stands in the log


def verify_(
    export: Path | None = None,
    *,
    whole: Annotated[bool, Parameter(negative=(), help="From the record's beginning.")] = False,
    log: Annotated[bool, Parameter(negative=(), help="Compare with the log, too.")] = False,
    json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Check that the record holds; the first line that does not is named, and the exit code is 1.

    What was verified before is not looked at again, unless --whole. The record alone shows
    changed, dropped and inserted lines; --log shows a cut end and another log's record.

    Parameters
    ----------
    export
        A file that `audit export` wrote; without it, the record of this home.
    """
    if export is not None:
        _told(_exported(export), json=json)
        return 0
    path = record(home)
    known = Marks.read(path)
    since = Marks() if whole else known
    if log:
        found = asyncio.run(_with_log(path, since.log, home))
        known = Marks(found[1], found[1])
    else:
        found = _alone(path, since.alone)
        known = Marks(found[1], known.log)
    with suppress(PermissionError):  # an auditor may read, and no more
        known.write(path)
    _told(found[0], json=json)
    return 0


def _alone(path: Path, since: Mark) -> tuple[Verified, Mark]:
    last = deque((mark for _, mark in verify(path, since)), maxlen=1)
    mark = last[0] if last else since
    return _found(since, mark, log=False), mark


async def _with_log(path: Path, since: Mark, home: Path | None) -> tuple[Verified, Mark]:
    async with connect(settings(home), name="audit-verify") as bus:
        head = await bus.log.head()
        anchor = await bus.log.last(RECORD, AuditAnchored)
        _reach(path, head, anchor.fact if anchor else None)
        mark = await _compared(bus, path, since)
    return _found(since, mark, log=True, anchor=anchor.fact.seq if anchor else 0), mark


async def _compared(bus: Bus, path: Path, since: Mark) -> Mark:
    if (known := last_seq(path)) > (head := await bus.log.head()):
        raise RecordBroken(
            f"the record knows events up to #{known}, the log ends at {head}: the log was rewound, "
            "or is another one",
            hint=EVIDENCE,
        )
    stored = bus.follow.stored(after=since.seq, until=known)
    return await compare(verify(path, since), stored, since)


def _reach(path: Path, head: int, anchor: AuditAnchored | None) -> None:
    """Wait until the record is where the log was; RecordBroken when it does not get there."""
    begun, seen = time.monotonic(), -1
    while (last := last_seq(path)) < head:
        if last > seen:
            begun, seen = time.monotonic(), last
        if time.monotonic() - begun > PATIENCE:
            known = f" and says that the record had #{anchor.seq}" if anchor else ""
            cut = anchor is not None and anchor.seq > last
            raise RecordBroken(
                f"the record ends at #{last}, the log goes on to {head}{known if cut else ''}: "
                f"its end was cut off{'' if cut else ', or nobody writes it'}",
                hint=f"does `pushline up` run? it adds what is missing. {EVIDENCE}",
            )
        time.sleep(POLL)


def _exported(path: Path) -> Verified:
    with path.open("rb") as file:
        last = next(one for one in read(file) if isinstance(one, Head))
    return Verified(
        verified=last.until, hash=last.hash, since=last.since, records=last.records, log=False
    )


def _found(since: Mark, mark: Mark, *, log: bool, anchor: int = 0) -> Verified:
    return Verified(
        verified=mark.seq,
        hash=mark.hash if mark.seq else "",
        since=since.seq + 1,
        records=mark.seq - since.seq,
        log=log,
        anchor=anchor,
    )


def _told(found: Verified, *, json: bool) -> None:
    if json:
        as_json([found])
        return
    if not found.verified:
        print("it is empty")
        return
    print(f"the record holds up to #{found.verified}, {found.hash}")
    new = f"{found.records} records from #{found.since}" if found.records else "nothing new"
    print(f"verified just now: {new}{', and compared with the log' if found.log else ''}")
    if found.anchor:
        print(f"the log says the same of #{found.anchor}")
