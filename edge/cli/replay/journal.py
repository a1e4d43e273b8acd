"""A replay is itself recorded: who began it, over what, with which code, and what it came to."""

import hashlib
from pathlib import Path
from typing import Final

from bus.log import EventLog
from edge.cli.operator import actor
from edge.cli.release import version
from edge.cli.replay.selection import Selection
from schemas.envelope import Aggregate
from schemas.events.replay import ReplayFinished, ReplayStarted
from schemas.ids import tag_of

ROOT: Final = Path(__file__).parents[3]
DECIDES: Final = ("schemas", "bus", "consumers")  # rooms whose code a decision depends on


def of_replay(id: str) -> Aggregate:
    """Return what a replay's facts are about."""
    return Aggregate("", "", "replay", id)


def code() -> str:
    """Return what tells this code from another: its version, and a digest of what decides."""
    digest = hashlib.sha256()
    for room in DECIDES:
        for path in sorted((ROOT / room).rglob("*.py")):
            digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return f"{version()}+{digest.hexdigest()[:12]}"


async def begin(
    log: EventLog, id: str, selection: Selection, consumers: tuple[str, ...], *, private: bool
) -> None:
    """Record that a replay begins."""
    fact = ReplayStarted(
        how="private" if private else "dry",
        first=selection.first,
        last=selection.until,
        consumers=consumers,
        code=code(),
        project=selection.project,
        run=selection.run,
    )
    await _write(log, id, fact)


async def end(log: EventLog, id: str, fact: ReplayFinished) -> None:
    """Record what it came to."""
    await _write(log, id, fact)


async def _write(log: EventLog, id: str, fact: ReplayStarted | ReplayFinished) -> None:
    key = f"replay:{id}:{tag_of(fact).partition('/')[0]}"
    await log.append(fact, of=of_replay(id), id=key, actor=actor())
