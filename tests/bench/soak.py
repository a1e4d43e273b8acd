"""The long trials: many bad connections, streams meanwhile, large bodies; memory and descriptors.

``--seconds`` is how long connections are opened, half-closed, reset and stalled (50,000 in a
minute), while a WebSocket, an event stream and a plain caller go on.
"""

import asyncio
import os
import statistics
import sys
import time
from contextlib import ExitStack
from typing import Final, NamedTuple

import psutil
import uvloop

from tests.bench import trials
from tests.bench.ours import pushline
from tests.bench.peers import Place
from tests.bench.process import LOAD_CORE, SERVER_CORE, Program, free_port, running
from tests.bench.report import Goal, How, Report, say

RATE: Final = 50_000 / 60  # connections a second
LARGE: Final = 10**9  # bytes
STREAMS: Final = 20  # WebSockets, and as many event streams
SETTLED: Final = 15.0  # seconds until caches and buffers have their size
PATIENCE: Final = 60.0  # seconds for the last connections to end


class Sample(NamedTuple):
    """What the router held at one moment."""

    at: float
    memory_mb: float
    descriptors: int


class Watch:
    """Samples a process while trials run."""

    def __init__(self, program: Program) -> None:
        """Begin with one sample: what it holds at rest."""
        self.program = program
        self.samples: list[Sample] = []
        self.rest = self.sample()

    def sample(self) -> Sample:
        """Return what it holds now."""
        descriptors = psutil.Process(self.program.pid).num_fds()
        return Sample(time.monotonic(), self.program.memory(), descriptors)

    async def run(self) -> None:
        """Sample twice a second, for ever."""
        while True:
            self.samples.append(self.sample())
            await asyncio.sleep(0.5)

    def slope(self) -> float | None:
        """Return how memory grows once it has settled, MB a minute; None before that."""
        since = self.samples[0].at + SETTLED
        late = [one for one in self.samples if one.at >= since]
        if not late or late[-1].at - late[0].at < SETTLED:
            return None
        line = statistics.linear_regression([s.at for s in late], [s.memory_mb for s in late])
        return line.slope * 60

    async def left_behind(self) -> int:
        """Wait until it holds no more descriptors than at rest; return how many more it keeps."""
        until = time.monotonic() + PATIENCE
        while (more := self.sample().descriptors - self.rest.descriptors) > 0:
            if time.monotonic() > until:
                break
            await asyncio.sleep(0.2)
        return more


def run(how: How) -> Report:
    """Return what the trials found."""
    os.sched_setaffinity(0, {LOAD_CORE})
    with ExitStack() as stack:
        behind, port = free_port(), free_port()
        command = [sys.executable, "-m", "tests.bench.behind", str(behind)]
        stack.enter_context(running(command, behind, how.folder, LOAD_CORE))
        place = Place(how.folder, port, behind)
        ours, told = pushline(place)
        router = stack.enter_context(running(ours, port, how.folder, SERVER_CORE, told))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            goals = runner.run(trial(router, port, how))
    return Report("soak", how.machine, {}, goals)


async def trial(router: Program, port: int, how: How) -> list[Goal]:
    """Run all trials; return their goals."""
    await trials.plain(port, 2.0)  # what the first requests make stays
    goals = await crowded(Watch(router), port, how.seconds)
    for name, body in (("up", trials.up), ("down", trials.down)):
        say(f"1 GB {name}")
        watch = Watch(router)
        watching = asyncio.create_task(watch.run())
        rate = await body(port, LARGE)
        watching.cancel()
        most = max(one.memory_mb for one in watch.samples) - watch.rest.memory_mb
        what = f"1 GB {name} at {rate / 1e6:.0f} MB/s: memory more"
        goals.append(Goal(what, 16.0, most, "MB", at_least=False))
    return goals


async def crowded(watch: Watch, port: int, seconds: float) -> list[Goal]:
    """Open connections and treat them badly while others go on as if nothing was."""
    connections = round(RATE * seconds)
    say(f"{connections} connections in {seconds:g} s")
    watching = asyncio.create_task(watch.run())
    async with asyncio.TaskGroup() as group:
        churning = group.create_task(trials.churn(port, connections, seconds))
        asking = group.create_task(trials.plain(port, seconds))
        listening = [group.create_task(trials.listen(port, seconds)) for _ in range(STREAMS)]
        talking = [group.create_task(trials.talk(port, seconds)) for _ in range(STREAMS)]
    watching.cancel()
    memory = [one.memory_mb for one in watch.samples]
    say(f"resident: {watch.rest.memory_mb:.1f} MB at rest, {min(memory):.1f} to {max(memory):.1f}")
    opened, heard = churning.result().opened - churning.result().refused, asking.result()
    most = max(one.descriptors for one in watch.samples)
    found = [
        Goal("connections opened", connections, opened, ""),
        Goal(
            "memory's slope",
            1.0,
            watch.slope(),
            "MB/min",
            at_least=False,
            why_not=f"wants {2 * SETTLED:g} s or more",
        ),
        Goal(f"descriptors left (of {most})", 0, await watch.left_behind(), "", at_least=False),
        Goal("a plain caller: not 200", 0, heard.wrong, f"of {heard.times}", at_least=False),
    ]
    for name, tasks in (("events", listening), ("WebSocket messages", talking)):
        kind = [task.result() for task in tasks]
        times, wrong = sum(one.times for one in kind), sum(one.wrong for one in kind)
        found.append(Goal(f"{name}: lost or wrong", 0, wrong, f"of {times}", at_least=False))
        worst = max(one.worst_ms for one in kind)
        say(f"{name}: the latest {worst:.0f} ms")
    return found
