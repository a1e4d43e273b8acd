"""All folds, from 100,000 events: how long each takes from the first one, and whether it is equal.

Equal to a live one that followed the log with a stop in its middle and went on from its snapshot.
And the past: how long an answer with ``?at=`` takes, the first time and from then on.
"""

import asyncio
import time
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import uvloop

from bus import streams
from bus.connection import Bus, connect
from bus.fold import Fold
from bus.past import Past
from bus.server import NatsServer
from edge.cli.state.folds import every
from tests.bench import lives
from tests.bench.report import Goal, How, Report, markdown, say

EVENTS: Final = 100_000
FOLDED: Final = ("api-runs", "api-functions", "api-projects", "api-domains")


class Rebuilt(NamedTuple):
    """One fold."""

    name: str
    rows: int
    seconds: float
    equal: bool


def run(how: How) -> Report:
    """Fill a log, follow it, read it again; nothing is repeated: each fold is its own measure."""
    server = NatsServer(how.folder)
    server.start()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(streams.init(server.settings("init")))
            found, notes, past = runner.run(_measured(server, how))
    finally:
        server.stop()
    rows = [
        (one.name, f"{one.rows:,}", f"{one.seconds:.2f}", f"{EVENTS / one.seconds:,.0f}", one.equal)
        for one in found
    ]
    heads = ("fold", "rows", "seconds", "events/s", "equal")
    notes.append("\n".join(markdown(heads, [tuple(map(str, row)) for row in rows])))
    goals = [
        Goal(
            "folds that are not equal", 0, sum(not one.equal for one in found), "", at_least=False
        ),
        Goal("?at= beside a moment that was asked for", 1000, past, "ms", at_least=False),
    ]
    return Report("folds", how.machine, {}, goals, notes)


async def _measured(server: NatsServer, how: How) -> tuple[list[Rebuilt], list[str], float]:
    async with connect(server.settings("platform"), name="bench") as bus:
        say(f"appending {EVENTS:,} events")
        await lives.fill(bus, EVENTS)
        found = []
        for name, fold in every().items():
            if how.only not in name:
                continue
            live = await _live(bus, fold, how.folder / "snapshots")
            seconds = await _read(bus, [fold])
            found.append(Rebuilt(name, len(fold.rows), seconds, _same(live, fold)))
        together = await _read(bus, list(every().values()))
        notes = [f"all {len(every())} of them in one reading: {together:.2f} s"]
        said, quickest = await _past(bus, how.folder / "past")
    return found, [*said, *notes], quickest


async def _live(bus: Bus, kind: Fold[Any], snapshots: Path) -> Fold[Any]:
    """Return the fold as a process has it that was stopped half-way."""
    fold = kind
    for until in (EVENTS // 2, EVENTS):
        fold = kind.fresh(snapshots)
        task = asyncio.create_task(fold.run(bus.follow))
        await fold.reached(until)
        task.cancel()
        await asyncio.wait((task,))
    return fold


async def _read(bus: Bus, folds: list[Fold[Any]]) -> float:
    """Fold all events; return the seconds."""
    begun = time.perf_counter()
    async with aclosing(bus.follow.batches(after=0, until=EVENTS)) as batches:
        async for batch in batches:
            for fold in folds:
                fold.apply(batch)
    return time.perf_counter() - begun


async def _past(bus: Bus, folder: Path) -> tuple[list[str], float]:
    """Return what answers of the past take, and the milliseconds of one beside a known moment."""
    folds = [every()[name] for name in FOLDED]
    past, said, took = Past(folds, bus.follow, folder), [], 0.0
    for seq, what in (
        (EVENTS // 2, "the first time"),
        (EVENTS // 2 + 5000, "5,000 events further"),
        (EVENTS * 9 // 10, "at nine tenths"),
    ):
        begun = time.perf_counter()
        await past.at(seq)
        took = (time.perf_counter() - begun) * 1000
        said.append(f"?at={seq}, {what}: {took:.0f} ms")
    begun = time.perf_counter()
    await Past(folds, bus.follow, folder).at(EVENTS * 9 // 10 - 1)
    took = (time.perf_counter() - begun) * 1000
    return [*said, f"?at={EVENTS * 9 // 10 - 1}, by the next process: {took:.0f} ms"], took


def _same(one: Fold[Any], other: Fold[Any]) -> bool:
    """Tell whether both are at the same sequence with the same rows."""
    return one.seq == other.seq == EVENTS and msgspec.json.encode(one.rows) == msgspec.json.encode(
        other.rows
    )
