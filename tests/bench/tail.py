"""From an append to somebody's eyes: two terminals and a browser, and the same under kills.

The whole of it is our own: `up`, its router, `pushline events tail`, `pushline audit tail`.
"""

import asyncio
import itertools
import statistics
from pathlib import Path
from typing import Final

from edge.cli import logs
from tests.bench.load import Measured
from tests.bench.report import Goal, How, Report, Rounds, median, say
from tests.laptop import Laptop, laptop
from tests.tails import Watcher, all_saw, flood, killed, waits, watching

RATE: Final = 500.0  # events a second
CALM: Final = 100.0
KILLS: Final = 5
PAUSE: Final = 1.0  # seconds between a restart and the next kill


def run(how: How) -> Report:
    """Return what all rounds found."""
    logs.configure("bench", level="error")  # connections break here on purpose
    cases: dict[str, Rounds] = {}
    with laptop(how.folder) as here:
        for rate in (CALM, RATE):
            cases[f"append → seen, {rate:g} events/s"] = asyncio.run(_calm(here, how, rate))
        wrong, note = asyncio.run(_killed(here))
    goals = [
        Goal(f"{title}: {name}, p99", 25, median(rounds, lambda m: m.p99_ms), "ms", at_least=False)
        for title, case in cases.items()
        for name, rounds in case.items()
    ]
    goals.append(Goal("events missed, doubled or out of order", 0, wrong, "", at_least=False))
    return Report("tail", how.machine, cases, goals, [note])


async def _calm(here: Laptop, how: How, rate: float) -> Rounds:
    found: Rounds = {}
    async with watching(here, _head(here)) as watchers:
        for number in range(1, how.rounds + 1):
            say(f"tail: {rate:g} events/s, round {number} of {how.rounds}")
            appended = await flood(here, int(rate * how.seconds), rate)
            await all_saw(here, watchers, appended)
            for watcher in watchers:
                took = sorted(waits(watcher, appended))
                found.setdefault(watcher.name, []).append(_measured(took, how.seconds))
                watcher.seen.clear()
    return found


def _measured(took: list[float], seconds: float) -> Measured:
    p50, p99 = statistics.median(took), took[int(len(took) * 0.99)]
    return Measured(len(took) / seconds, 0.0, p50, p99, 0.0, 0.0, 0)


async def _killed(here: Laptop) -> tuple[int, str]:
    """Return how many events somebody saw wrongly, and what was done."""
    say(f"tail: {KILLS} kills under {RATE:g} events/s")
    async with watching(here, _head(here)) as watchers:
        killing = asyncio.create_task(killed(here, KILLS, PAUSE))
        appended: dict[int, float] = {}
        while not killing.done():
            appended |= await flood(here, int(RATE), RATE)
        await killing
        await all_saw(here, watchers, appended)
    wrong = sum(map(_wrong, watchers))
    longest = max(max(waits(watcher, appended)) for watcher in watchers)
    return wrong, (
        f"{KILLS} kills -9 of the server, {len(appended):,} events meanwhile, three watchers: "
        f"{wrong} events wrong; the longest way to somebody's eyes took {longest / 1000:.1f} s"
    )


def _wrong(watcher: Watcher) -> int:
    """Return how many events are not the one after the one before."""
    return sum(after != before + 1 for before, after in itertools.pairwise(watcher.seqs))


def _head(here: Laptop) -> int:
    return len(here.events()) if Path(here.home).exists() else 0
