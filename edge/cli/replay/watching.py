"""How far a replay is, and how fast it goes: a line on a terminal, once it takes over a second."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from edge.cli.output import console
from edge.cli.replay.running import Replay

SHOWN_AFTER: Final = 1.0  # seconds


@asynccontextmanager
async def watched(replay: Replay) -> AsyncIterator[None]:
    """Show progress meanwhile, where somebody looks on."""
    shown = asyncio.create_task(_show(replay))
    try:
        yield
    finally:
        shown.cancel()
        await asyncio.wait((shown,))


async def _show(replay: Replay) -> None:
    await asyncio.sleep(SHOWN_AFTER)
    out = console(error=True)
    if not out.is_terminal:
        return
    columns = (
        TextColumn("event"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:,.0f} events/s"),
        TimeRemainingColumn(),
    )
    begun, first = time.monotonic(), replay.seq
    with Progress(*columns, console=out, transient=True) as progress:
        task = progress.add_task("", total=replay.selection.until, rate=0.0)
        while True:
            rate = (replay.seq - first) / max(time.monotonic() - begun, 0.1)
            progress.update(task, completed=replay.seq, rate=rate)
            await asyncio.sleep(0.1)
