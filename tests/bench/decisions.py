"""A history of 1,000 runs decided again by `pushline replay`; then with a bug in the planner.

The history is what real consumers leave in front of a played world; each replay is the command
itself, in a process of its own, on one core. The server counts what was published meanwhile.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from bus.connection import Bus, connect
from schemas.events.run import RunFinished
from tests.bench.load import Measured
from tests.bench.process import SERVER_CORE, on_core
from tests.bench.report import OURS, Goal, How, Report, Rounds, median, say
from tests.edge.cli.operating import House, house
from tests.edge.cli.replay.test_bugs import planted
from tests.edge.cli.replay.works import waves

SMALL, LARGE = "100 runs", "1,000 runs"
RUNS: Final = {SMALL: (50, 2), LARGE: (50, 20)}  # projects, pushes to each
BUG: Final = (
    "consumers/planner/decide.py",
    '"partly" if len(failed) < len(ends) else "failed"',
    '"partly"',
)
SECONDS: Final = 15.0  # for 1,000 runs
MIB: Final = 100.0  # more for ten times as many runs


def run(how: How) -> Report:
    """Return what all rounds found."""
    cases: dict[str, Rounds] = {}
    notes: list[str] = []
    for name, (projects, pushes) in RUNS.items():
        with house(_folder(how, name)) as place:
            say(f"decisions: living through {projects * pushes} pushes")
            asyncio.run(_live(place, projects, pushes))
            cases[name] = {OURS: []}
            for number in range(1, how.rounds + 1):
                say(f"decisions: {name}, round {number} of {how.rounds}")
                cases[name][OURS].append(_replayed(place))
            if name == LARGE:
                notes += _with_a_bug(place, how.folder / "bug")
    return Report("decisions", how.machine, cases, _goals(cases), notes)


def _folder(how: How, name: str) -> Path:
    folder = how.folder / name.replace(" ", "-")
    folder.mkdir()
    return folder


async def _live(place: House, projects: int, pushes: int) -> None:
    names = [f"tenant{number}/shop" for number in range(projects)]
    async with connect(place.server.settings("init"), name="life") as bus:
        await waves(bus, names, pushes)


def _replayed(place: House) -> Measured:
    """Return how fast one replay was; it has to find no difference."""
    summary, seconds, used = _command(place)
    if summary["different"]:
        told = b"\n".join(summary["lines"]).decode()
        raise RuntimeError(f"{summary['different']} decisions differ\n{told}")
    rate = summary["decisions"] / seconds
    micros = used.ru_utime * 1e6 / summary["decisions"]
    return Measured(rate, micros, seconds * 1000, 0.0, 0.0, used.ru_maxrss / 1024, 0)


def _command(place: House, code: Path | None = None) -> tuple[dict[str, Any], float, Any]:
    """Return the summary of a replay, its seconds, and what its process used."""
    command = [sys.executable, "-P", "-m", "edge.cli.main", "replay", "--json"]
    command += ["--home", str(place.home.path)]
    path = str(code or Path.cwd())
    begun = time.perf_counter()
    with subprocess.Popen(
        on_core(SERVER_CORE, command),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
        cwd=path,
    ) as process:
        assert process.stdout
        lines = process.stdout.read().splitlines()
        _, _, used = os.wait4(process.pid, 0)
    summary: dict[str, Any] = json.loads(lines[-1])
    return {**summary, "lines": lines}, time.perf_counter() - begun, used


def _with_a_bug(place: House, folder: Path) -> list[str]:
    """Return what a replay with a planted bug has told; RuntimeError where that was not exact."""
    wanted, before = asyncio.run(_facts(place))
    summary, seconds, _ = _command(place, planted(folder, *BUG))
    told = {json.loads(line)["seq"] for line in summary["lines"][:-1] if b"differs" in line}
    _, after = asyncio.run(_facts(place))
    if told != wanted or not wanted:
        raise RuntimeError(f"{len(told ^ wanted)} decisions are told wrongly")
    if after - before != 2:
        raise RuntimeError(f"{after - before} events were appended, not started and finished")
    note = (
        f"a bug in the planner: exactly the {len(told)} decisions that changed were told, of "
        f"{summary['decisions']}, in {seconds:.1f} s; nothing was published but that it was played"
    )
    return [note]


async def _facts(place: House) -> tuple[set[int], int]:
    """Return the events whose decision the bug changes, and the head of the log."""

    async def read(bus: Bus) -> tuple[set[int], int]:
        head, causes, seqs = await bus.log.head(), set[str](), dict[str, int]()
        async for event in bus.follow.events(after=0, until=head):
            seqs[event.id] = event.seq
            if isinstance(event.fact, RunFinished) and event.fact.outcome == "failed":
                causes.add(event.cause)
        return {seqs[id] for id in causes}, head

    async with place.bus() as bus:
        return await read(bus)


def _goals(cases: dict[str, Rounds]) -> list[Goal]:
    large, small = cases[LARGE][OURS], cases[SMALL][OURS]
    memory = median(large, lambda m: m.memory_mb) - median(small, lambda m: m.memory_mb)
    seconds = median(large, lambda m: m.p50_ms) / 1000
    return [
        Goal("replay: 1,000 runs decided again", SECONDS, seconds, "s", at_least=False),
        Goal("replay: memory for ten times the runs", MIB, memory, "MiB", at_least=False),
    ]
