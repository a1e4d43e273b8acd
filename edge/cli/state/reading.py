"""Folding the log to a moment, and on to another one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bus import moments
from bus.connection import Bus
from bus.fold import Fold
from edge.cli.output import console, since
from edge.cli.state.rows import Row, as_rows
from schemas.envelope import Recorded, Unknown
from schemas.events import Event
from schemas.ids import tag_of

SHOWN_AFTER: Final = 1.0  # seconds until there is a bar
CAUSES: Final = 20  # events told of one row, the newest


class Cause(msgspec.Struct, frozen=True):
    """An event that changed a row."""

    seq: int
    type: str  # ce-type
    actor: str = ""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One row at two sequences."""

    key: str
    before: Row | None
    after: Row | None
    causes: list[Cause]


async def sequence(bus: Bus, text: str) -> int:
    """Return what a moment means, ``2h`` being so long ago; the head for none.

    Raises MomentInvalid, MomentAhead.
    """
    if not text:
        return await bus.log.head()
    try:
        ago = datetime.now(UTC) - since(text)
    except ValueError:
        return await bus.moments.sequence(moments.parse(text))
    return await bus.moments.sequence(ago)


async def state(bus: Bus, fold: Fold[Any], seq: int) -> dict[str, Row]:
    """Return the rows as they were at ``seq``."""
    async with _bar(fold, seq):
        await _onward(bus, fold, seq)
    return as_rows(fold.rows)


async def between(bus: Bus, fold: Fold[Any], first: int, last: int) -> list[Change]:
    """Return the rows that are different at ``last``, and the events that made them so."""
    causes: dict[str, list[Cause]] = {}

    def changed(key: str, _: Any, event: Recorded[Event] | None) -> None:
        if event is not None:
            told = causes.setdefault(key, [])
            told.append(Cause(event.seq, _type(event), event.actor))
            del told[:-CAUSES]

    async with _bar(fold, last):
        await _onward(bus, fold, first)
        before = dict(fold.rows)
        fold.changed.append(changed)
        await _onward(bus, fold, last)
    old = as_rows({key: before[key] for key in causes if key in before})
    new = as_rows({key: fold.rows[key] for key in causes if key in fold.rows})
    return [
        Change(key=key, before=old.get(key), after=new.get(key), causes=told)
        for key, told in causes.items()
        if old.get(key) != new.get(key)
    ]


async def _onward(bus: Bus, fold: Fold[Any], seq: int) -> None:
    async with aclosing(bus.follow.batches(after=fold.seq, until=seq)) as batches:
        async for batch in batches:
            fold.apply(batch)


@asynccontextmanager
async def _bar(fold: Fold[Any], seq: int) -> AsyncIterator[None]:
    """Show how far a long folding is, where somebody looks on."""
    shown = asyncio.create_task(_show(fold, seq))
    try:
        yield
    finally:
        shown.cancel()
        await asyncio.wait((shown,))


async def _show(fold: Fold[Any], seq: int) -> None:
    await asyncio.sleep(SHOWN_AFTER)
    columns = (TextColumn("events"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    out = console(error=True)
    if not out.is_terminal:
        return
    with Progress(*columns, console=out, transient=True) as progress:
        task = progress.add_task("", total=seq)
        while True:
            progress.update(task, completed=fold.seq)
            await asyncio.sleep(0.1)


def _type(event: Recorded[Event]) -> str:
    return event.fact.type if isinstance(event.fact, Unknown) else tag_of(event.fact)
