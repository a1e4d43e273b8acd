"""`pushline audit sinks`: where the record is sent on to, and how far it has come."""

from datetime import datetime
from pathlib import Path

import msgspec
from rich.text import Text

from consumers.audit.file import last_seq
from consumers.audit.sinks import Named, State, configured
from edge.cli import audit_sinks
from edge.cli.audit.place import record
from edge.cli.output import as_json, table, when
from edge.cli.where import HomeOption, JsonOption


class SinkLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sink as JSON: stable, an object a line."""

    name: str
    kind: str
    seq: int  # the last record that it has taken or passed over
    pending: int  # records behind it
    taken: datetime | None = None
    failing: datetime | None = None
    attempts: int = 0
    error: str = ""


def sinks(*, json: JsonOption = False, home: HomeOption = None) -> int:
    """List the sinks, and what each has taken; the exit code is 1 while one takes nothing."""
    found = lines(record(home))
    if json:
        as_json(found)
    else:
        headings = ("SINK", "KIND", "AT", "PENDING", "TAKEN", "")
        rows = [
            (
                one.name,
                one.kind,
                str(one.seq),
                str(one.pending),
                when(one.taken) if one.taken else "",
                Text(_trouble(one), style="red"),
            )
            for one in found
        ]
        table(headings, rows, empty=f"no sinks: {audit_sinks.NAME} names a file of them")
    return 1 if any(one.failing for one in found) else 0


def lines(path: Path) -> list[SinkLine]:
    """Return what is known of each sink that the record's writer has."""
    head = last_seq(path)
    return [_line(path, head, sink) for sink in configured(path)]


def _line(path: Path, head: int, sink: Named) -> SinkLine:
    kind = sink.kind
    state = State.read(path, sink.name)
    if state is None:
        return SinkLine(name=sink.name, kind=kind, seq=0, pending=head, error="never begun")
    return SinkLine(
        name=sink.name,
        kind=kind,
        seq=state.seq,
        pending=max(0, head - state.seq),
        taken=state.taken,
        failing=state.failing,
        attempts=state.attempts,
        error=state.error,
    )


def _trouble(one: SinkLine) -> str:
    if one.failing is None:
        return one.error
    return f"{one.error}: {one.attempts} attempts since {when(one.failing)}"
