"""Artefacts: what builds have made, and what of it is needed, folded from the log.

Reads   run.queued/1, run.archived/1, run.built/1, ends of runs, function.deployed/1,
        function.removed/1, archive.collected/1, image.collected/1

An artefact is needed by the kept revisions of each function, and by runs that have not ended. It
is named by its digest, an image in a registry by its reference: a digest may lie there twice.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from bus.fold import Fold
from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.archive import ArchiveCollected
from schemas.events.function import FunctionDeployed, FunctionRemoved
from schemas.events.image import ImageCollected
from schemas.events.run import (
    RunArchived,
    RunBuilt,
    RunCancelled,
    RunFinished,
    RunQueued,
    RunSuperseded,
)
from schemas.ids import Digest

MOST: Final = 50  # revisions of a function that can be kept
KINDS: Final = frozenset({"run", "function", "archive", "image"})


class Made(msgspec.Struct, frozen=True):
    """One artefact."""

    kind: Literal["archive", "spec", "image"]
    digest: Digest
    named: int  # sequence of the fact that named it last
    at: datetime  # when it did
    reference: str = ""  # of an image in a registry


class Artefacts(msgspec.Struct, frozen=True, kw_only=True):
    """The artefacts of one project."""

    forge: str
    project: str
    name: str = ""
    made: dict[str, Made] = {}
    open: dict[str, dict[str, tuple[str, ...]]] = {}  # run → function → what it has made
    revisions: dict[str, tuple[tuple[str, ...], ...]] = {}  # function → of each, the newest last


def key(event: Recorded[Event]) -> str | None:
    """Return whose row a fact belongs to."""
    of = event.of
    return f"{of.forge} {of.project}" if of.kind in KINDS and of.project else None


def reduce(row: Artefacts | None, event: Recorded[Event]) -> Artefacts | None:
    """Return the project's artefacts after one more fact; pure."""
    row = row or Artefacts(forge=event.of.forge, project=event.of.project)
    row = replace(row, name=event.name) if event.name and event.name != row.name else row
    match event.of.kind:
        case "run":
            return _run(row, event)
        case "function":
            return _function(row, event)
        case _:
            return _collected(row, event)


def _run(row: Artefacts, event: Recorded[Event]) -> Artefacts:
    id = event.of.id
    match event.fact:
        case RunQueued():
            return replace(row, open=row.open | {id: {}})
        case RunArchived(function=function, archive=archive, spec=spec):
            found = Made("archive", archive, event.seq, event.time)
            row = _made(row, found, _spec(spec, event))
            return _of_run(row, id, function, archive, spec)
        case RunBuilt(function=function, image=image, spec=spec, reference=reference):
            found = Made("image", image, event.seq, event.time, reference)
            row = _made(row, found, _spec(spec, event))
            return _of_run(row, id, function, reference or image, spec)
        case RunFinished() | RunCancelled() | RunSuperseded():
            return replace(row, open={run: one for run, one in row.open.items() if run != id})
        case _:
            return row


def _function(row: Artefacts, event: Recorded[Event]) -> Artefacts:
    place = event.of.id
    match event.fact:
        case FunctionDeployed() as fact:
            return _deployed(row, place, fact)
        case FunctionRemoved():
            kept = {key: one for key, one in row.revisions.items() if key != place}
            row = _touched(row, row.revisions.get(place, ()), event.time)
            return replace(row, revisions=kept)
        case _:
            return row


def _spec(digest: Digest, event: Recorded[Event]) -> Made:
    return Made("spec", digest, event.seq, event.time)


def _made(row: Artefacts, *found: Made) -> Artefacts:
    return replace(row, made=row.made | {one.reference or one.digest: one for one in found})


def _of_run(row: Artefacts, run: str, function: str, *keys: str) -> Artefacts:
    if run not in row.open:
        return row
    before = row.open[run].get(function, ())
    functions = row.open[run] | {function: tuple(dict.fromkeys((*before, *keys)))}
    return replace(row, open=row.open | {run: functions})


def _deployed(row: Artefacts, place: str, fact: FunctionDeployed) -> Artefacts:
    of_run = row.open.get(fact.run, {}).get(fact.function, ())
    keys = tuple(sorted({*of_run, fact.reference or fact.image, fact.spec}))
    others = [one for one in row.revisions.get(place, ()) if one != keys]
    return replace(row, revisions=row.revisions | {place: (*others, keys)[-MOST:]})


def _touched(row: Artefacts, revisions: tuple[tuple[str, ...], ...], at: datetime) -> Artefacts:
    """Return the row with artefacts as young as if they were named now: they may run yet."""
    keys = {key for keys in revisions for key in keys if key in row.made}
    return replace(row, made=row.made | {key: replace(row.made[key], at=at) for key in keys})


def _collected(row: Artefacts, event: Recorded[Event]) -> Artefacts:
    match event.fact:
        case ArchiveCollected(named=named):
            key = event.of.id
        case ImageCollected(named=named, reference=reference):
            key = reference or event.of.id
        case _:
            return row
    found = row.made.get(key)
    if found is None or found.named > named:
        return row
    return replace(row, made={name: one for name, one in row.made.items() if name != key})


def needed(rows: Iterable[Artefacts], keep: int) -> set[str]:
    """Return what kept revisions and open runs of all projects need."""
    found: set[str] = set()
    for row in rows:
        for revisions in row.revisions.values():
            found.update(*revisions[-keep:])
        for functions in row.open.values():
            found.update(*functions.values())
    return found


def unneeded(
    rows: Mapping[str, Artefacts], keep: int, before: datetime
) -> list[tuple[str, str, Made]]:
    """Return what nobody needs and no fact has named since ``before``, with row and key."""
    wanted = needed(rows.values(), keep)
    young = {key for row in rows.values() for key, one in row.made.items() if one.at >= before}
    return [
        (project, key, one)
        for project, row in rows.items()
        for key, one in row.made.items()
        if key not in wanted and key not in young
    ]


def fold(snapshots: Path | None = None) -> Fold[Artefacts]:
    """Return the fold, still empty."""
    return Fold("collector-artefacts", row=Artefacts, key=key, reduce=reduce, snapshots=snapshots)
