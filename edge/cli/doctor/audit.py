"""The audit record: it holds, it keeps up with the log, and each sink takes what it is sent."""

from pathlib import Path
from typing import Final

from bus.blocking import run_blocking
from bus.connection import session
from bus.log import EVENTS
from bus.settings import BusSettings
from consumers.audit.file import last_seq
from consumers.audit.sinks import configured
from consumers.audit.verify import Marks, verify
from edge.cli.audit.sinks import lines
from edge.cli.doctor.finding import Check, Outcome, Subject, fail, off, ok, warn
from edge.cli.home import Home
from schemas.errors import LogUnavailable

BEHIND: Final = 1000  # records: more is no moment of writing


async def record(subject: Subject) -> Outcome:
    """Verify what is new in the record, and see how far it is behind the log."""
    path = Home(subject.home).audit
    if not path.exists():
        return off(f"there is no {path}: `pushline consumer audit` runs elsewhere, or never did")
    seq = await run_blocking(_verified, path)
    try:
        head = None if subject.reader is None else await _head(subject.reader)
    except LogUnavailable:
        head = None
    if head is None:
        return ok(f"it holds up to #{seq}; the log was not reached")
    if head - seq > BEHIND:
        return warn(f"it is at #{seq}, the log at {head}", "does the consumer audit run?")
    if seq > head:
        return fail(
            f"it knows events up to #{seq}, the log ends at {head}",
            "`pushline audit verify --log`: the log was rewound, or is another one",
        )
    return ok(f"it holds up to #{seq} of {head}")


async def sinks(subject: Subject) -> Outcome:
    """See what became of the last attempt of each sink."""
    path = Home(subject.home).audit
    if not path.exists() or not configured(path):
        return off("no sinks: PUSHLINE_AUDIT_SINKS names a file of them")
    found = await run_blocking(lines, path)
    failing = [one for one in found if one.failing]
    if failing:
        told = "; ".join(f"{one.name} {one.error}, {one.pending} wait" for one in failing)
        return warn(told, "they are tried for ever: `pushline audit sinks` says since when")
    return ok(", ".join(f"{one.name} at #{one.seq}" for one in found))


def _verified(path: Path) -> int:
    """Verify from where it was verified last; nothing is noted down; raises RecordBroken."""
    for _ in verify(path, Marks.read(path).alone):
        pass
    return last_seq(path)


async def _head(bus: BusSettings) -> int | None:
    async with session(bus, name="doctor") as js:
        info = await js.info(EVENTS)
    return None if info is None else int(info["state"]["last_seq"])


CHECKS: Final = (
    Check("audit.record", record, cure="`pushline audit verify --whole` names the first bad line"),
    Check("audit.sinks", sinks),
)
