"""Reports: rounds of numbers become tables, and each goal is met or not.

Machines swing by two between minutes, so what is compared are ratios within a round; a report
shows the median of the rounds.
"""

import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from tests.bench.load import Measured

OURS: Final = "pushline"

Rounds = dict[str, list[Measured]]  # by server, one a round


class How(NamedTuple):
    """How a bench is run."""

    folder: Path  # an empty one
    rounds: int
    seconds: float  # of each load
    only: str  # a part of the names of the cases that are wanted
    machine: str
    projects: int = 20
    pushes: int = 200
    seed: int = 0  # 0: any


class Goal(msgspec.Struct, frozen=True):
    """A bound, and what was measured; ``measured`` None: it could not be."""

    what: str
    bound: float
    measured: float | None
    unit: str = "x"
    at_least: bool = True
    why_not: str = "not run"  # why it could not be measured

    @property
    def met(self) -> bool | None:
        """Tell whether it is met, None where it was not measured."""
        if self.measured is None:
            return None
        if self.at_least:
            return self.measured >= self.bound
        return self.measured <= self.bound


class Report(msgspec.Struct, frozen=True):
    """What one bench found."""

    bench: str
    machine: str
    cases: dict[str, Rounds]
    goals: list[Goal]
    notes: list[str] = []


def median(rounds: Iterable[Measured], of: Callable[[Measured], float]) -> float:
    """Return the median over the rounds of one number."""
    return statistics.median(of(one) for one in rounds)


def ratio(
    case: Rounds | None, peer: str, of: Callable[[Measured], float], ours: str = OURS
) -> float | None:
    """Return the median of our number divided by a peer's of the same round, None without it."""
    if case is None or not case.get(ours) or not case.get(peer):
        return None
    pairs = zip(case[ours], case[peer], strict=True)
    return statistics.median(of(one) / of(other) if of(other) else 0.0 for one, other in pairs)


def table(title: str, case: Rounds) -> list[str]:
    """Return a case as a table of Markdown; ``ours`` is our rate divided by theirs."""
    rows = []
    for server, rounds in case.items():
        share = ratio(case, server, lambda one: one.rate)
        rows.append(
            (
                server,
                f"{median(rounds, lambda one: one.rate):,.0f}",
                f"{median(rounds, lambda one: one.cpu_us):.1f}",
                f"{median(rounds, lambda one: one.p50_ms):.3f}",
                f"{median(rounds, lambda one: one.p99_ms):.3f}",
                f"{median(rounds, lambda one: one.mib_s):,.1f}",
                f"{max(one.memory_mb for one in rounds):.0f}",
                f"{sum(one.failed for one in rounds)}",
                "" if share is None or server == OURS else f"{share:.2f}x",
            )
        )
    heads = (title, "requests/s", "CPU µs/request", "p50 ms", "p99 ms", "MiB/s", "RSS MB", "failed")
    return markdown((*heads, "ours to it"), rows)


def goals(report: Report) -> list[str]:
    """Return the goals as a table of Markdown."""
    rows = []
    for goal in report.goals:
        sign = "≥" if goal.at_least else "≤"
        said = goal.why_not if goal.measured is None else f"{goal.measured:.2f} {goal.unit}"
        met = {True: "met", False: "NOT MET", None: "not measured"}[goal.met]
        rows.append((goal.what, f"{sign} {goal.bound:g} {goal.unit}", said, met))
    return markdown(("what", "goal", "measured", ""), rows)


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table as Markdown has it, its columns aligned."""
    lines = [list(heads), *map(list, rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(heads))]
    lines.insert(1, ["-" * width for width in widths])
    return [
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    ]


def show(report: Report) -> None:
    """Print a report."""
    blocks = [[f"{report.bench}, on {report.machine}"], *([note] for note in report.notes)]
    blocks += [table(title, case) for title, case in report.cases.items()]
    blocks.append(goals(report))
    sys.stdout.write("\n\n".join("\n".join(block) for block in blocks) + "\n")


def say(what: str) -> None:
    """Tell how far the bench is; tables alone go to standard output."""
    sys.stderr.write(f"bench: {what}\n")


def as_json(report: Report) -> bytes:
    """Return a report with all its rounds, and whether each goal is met."""
    plain: dict[str, Any] = msgspec.to_builtins(report)
    for told, goal in zip(plain["goals"], report.goals, strict=True):
        told["met"] = goal.met
    return msgspec.json.format(msgspec.json.encode(plain), indent=1)
