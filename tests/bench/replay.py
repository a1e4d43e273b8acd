"""History, read whole: our follower's typed events beside what nats-py brings, A B A B.

The log's server has one core, each reader another, and a process of its own each time.
"""

import asyncio
import subprocess
import sys
from contextlib import ExitStack
from typing import Final

import msgspec

from tests.bench import history
from tests.bench.load import Measured
from tests.bench.process import LOAD_CORE, SERVER_CORE, on_core
from tests.bench.reading import Read
from tests.bench.report import OURS, Goal, How, Report, Rounds, median, ratio, say

COUNT: Final = 100_000  # events
ORDERED: Final = "nats-py, ordered"
ORDERED_TYPED: Final = "nats-py, ordered, typed"
WAYS: Final = {
    OURS: "ours",
    "nats-py, fetch": "fetched",
    ORDERED: "ordered",
    ORDERED_TYPED: "ordered_typed",
}


def run(how: How) -> Report:
    """Return what all rounds found."""
    found: Rounds = {name: [] for name in WAYS if how.only in name}
    sealed = history.messages(4)
    size = sum(len(each.block) + len(each.body) for each in sealed) // 4
    with ExitStack() as stack:
        url = history.server(stack, how.folder / "log", LOAD_CORE, "default sync")
        home = how.folder / "log" / "home"
        say(f"filling a log with {COUNT:,} events")
        asyncio.run(history.fill(url, home, COUNT))
        for number in range(1, how.rounds + 1):
            say(f"replay: round {number} of {how.rounds}")
            for name in found:
                command = [sys.executable, "-m", "tests.bench.reading", WAYS[name]]
                command += [url, str(home), str(COUNT)]
                found[name].append(read(command, size))
    case = f"{COUNT:,} events of about {size} bytes"
    return Report("replay", how.machine, {case: found}, goals(found))


def read(command: list[str], size: int) -> Measured:
    """Return what one process read."""
    said = subprocess.run(on_core(SERVER_CORE, command), check=True, stdout=subprocess.PIPE).stdout
    told = msgspec.json.decode(said, type=Read)
    if told.count < COUNT:
        raise RuntimeError(f"{told.count} of {COUNT} events were read")
    rate = told.count / told.seconds
    return Measured(rate, told.cpu / told.count * 1e6, 0.0, 0.0, rate * size / 2**20, 0.0, 0)


def goals(found: Rounds) -> list[Goal]:
    """Return each goal with what was measured."""
    ours = found.get(OURS)
    rate = median(ours, lambda m: m.rate) if ours else None
    typed = ratio(found, ORDERED_TYPED, lambda m: m.rate)
    return [
        Goal("replay: typed events", 100_000, rate, "/s"),
        Goal("replay: typed, to nats-py's ordered consumer", 1.3, typed),
        Goal("replay: typed, to its raw messages", 1.3, ratio(found, ORDERED, lambda m: m.rate)),
    ]
