"""`pushline top`: what each consumer has before it, and whether anybody reads."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from cyclopts import Parameter
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bus import durables
from bus.connection import Bus, connect
from bus.letters import open_letters
from edge.cli.operator import settings
from edge.cli.output import as_json, console, table, when
from edge.cli.where import HomeOption, JsonOption
from edge.cli.workers import DURABLE
from schemas.errors import LogUnavailable

State: TypeAlias = Literal["idle", "busy", "behind", "stopped", "missing"]

COLOURS: Final[dict[State, str]] = {
    "idle": "bright_black",
    "busy": "green",
    "behind": "yellow",
    "stopped": "red",
    "missing": "red",
}
HEADINGS: Final = (
    "CONSUMER",
    "STATE",
    "PENDING",
    "UNDER WAY",
    "AGAIN",
    "GIVEN UP",
    "LAST",
)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One consumer at one moment."""

    consumer: str
    stream: str
    state: State
    pending: int = 0  # in the stream, not yet delivered
    under_way: int = 0  # delivered, not yet acknowledged; those that wait for a retry among them
    redelivered: int = 0  # of those, delivered more than once
    readers: int = 0  # requests for messages that the server holds
    dead_letters: int = 0  # open ones
    last: datetime | None = None  # when something was delivered


async def top(
    *,
    json: JsonOption = False,
    every: Annotated[float, Parameter(help="Seconds between two looks, on a terminal.")] = 1.0,
    home: HomeOption = None,
) -> int:
    """Show what each consumer has before it: live on a terminal, once in a pipe.

    A consumer that is stopped has messages before it and nobody who asks for them. The exit code
    is 1 when one is stopped or missing.
    """
    async with connect(settings(home), name="top") as bus:
        if json or not sys.stdout.isatty():
            once = await look(bus)
            if json:
                as_json(once)
            else:
                table(HEADINGS, [cells(row) for row in once], empty="no consumers")
            return int(any(row.state in {"stopped", "missing"} for row in once))
        with Live(console=console(), screen=False, auto_refresh=False) as live:
            async for found in looks(bus, every):
                live.update(drawn(found), refresh=True)
    return 0


async def looks(bus: Bus, every: float) -> AsyncIterator[Sequence[Row]]:
    """Yield what is seen, again and again; a log that is away is waited for."""
    while True:
        try:
            yield await look(bus)
        except LogUnavailable:
            await bus.js.connected.wait()
        await asyncio.sleep(every)


async def look(bus: Bus) -> list[Row]:
    """Return every consumer, as the server knows it."""
    letters = Counter(letter.consumer for letter in await open_letters(bus))
    rows = []
    for worker in DURABLE:
        stream, name = durables.stream_of(worker), worker.durable
        info = await bus.js.consumer(stream, name)
        rows.append(row_of(name, stream, info, letters[name]))
    return rows


def row_of(name: str, stream: str, info: dict[str, object] | None, letters: int) -> Row:
    """Return what a consumer's state at the server means."""
    if info is None:
        return Row(consumer=name, stream=stream, state="missing", dead_letters=letters)
    known = msgspec.convert(info, _Info)
    return Row(
        consumer=name,
        stream=stream,
        state=_state(known),
        pending=known.num_pending,
        under_way=known.num_ack_pending,
        redelivered=known.num_redelivered,
        readers=known.num_waiting,
        dead_letters=letters,
        last=known.delivered.last_active,
    )


class _Delivered(msgspec.Struct, frozen=True):
    last_active: datetime | None = None


class _Info(msgspec.Struct, frozen=True):
    num_pending: int = 0
    num_ack_pending: int = 0
    num_redelivered: int = 0
    num_waiting: int = 0
    delivered: _Delivered = _Delivered()


def _state(info: _Info) -> State:
    if info.num_pending and not info.num_waiting and not info.num_ack_pending:
        return "stopped"
    if info.num_pending:
        return "behind"
    return "busy" if info.num_ack_pending else "idle"


def cells(row: Row) -> tuple[str | Text, ...]:
    """Return a row as it is printed."""
    letters = Text(str(row.dead_letters), style="red" if row.dead_letters else "")
    return (
        row.consumer,
        Text(row.state, style=COLOURS[row.state]),
        str(row.pending),
        str(row.under_way),
        str(row.redelivered),
        letters,
        when(row.last) if row.last else "",
    )


def drawn(rows: Sequence[Row]) -> Table:
    """Return the table that is drawn over and over."""
    now = when(datetime.now(UTC))
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bright_black")
    shown.caption, shown.caption_justify = f"{now}, Ctrl-C ends", "left"
    for heading in HEADINGS:
        shown.add_column(heading, no_wrap=True)
    for row in rows:
        shown.add_row(*cells(row))
    return shown
