"""Loads, and what they measured.

``python -m tests.bench BENCH [--rounds N] [--seconds S] [--only CASE] [--json FILE]``

Not part of the tests: a bench wants the machine for itself. Exit code 1 where a goal is not met.
"""

import argparse
import importlib
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.bench.process import Missing
from tests.bench.report import How, Report, as_json, say, show

BENCHES: Final = (
    "router",
    "ingest",
    "replay",
    "decisions",
    "publish",
    "buildkit",
    "soak",
    "routes",
    "folds",
    "tail",
    "audit",
    "forges",
    "pulls",
    "leaving",
)


def machine() -> str:
    """Return what the numbers were measured on."""
    told = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    names = [line.partition(": ")[2] for line in told if line.startswith("model name")]
    return f"{os.cpu_count()} x {(names or [platform.machine()])[0]}, Linux {platform.release()}"


def arguments() -> argparse.Namespace:
    """Return what is to be run, and how."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("bench", choices=BENCHES)
    parser.add_argument("--rounds", type=int, default=5, help="times that each server is asked")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each load")
    parser.add_argument("--only", default="", help="run the cases alone whose name has this in it")
    parser.add_argument("--projects", type=int, default=20, help="of forges")
    parser.add_argument("--pushes", type=int, default=200, help="of forges")
    parser.add_argument("--seed", type=int, default=0, help="repeats a weather of forges")
    parser.add_argument("--json", type=Path, help="where all rounds are written")
    return parser.parse_args()


def main() -> int:
    """Run one bench, print its tables, write its JSON."""
    chosen = arguments()
    run = importlib.import_module(f"tests.bench.{chosen.bench}").run
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        Path(folder).chmod(0o755)  # nginx's workers are somebody else
        try:
            how = How(
                Path(folder),
                chosen.rounds,
                chosen.seconds,
                chosen.only,
                machine(),
                chosen.projects,
                chosen.pushes,
                chosen.seed,
            )
            report: Report = run(how)
        except Missing as missing:
            say(str(missing))
            return 2
    show(report)
    if chosen.json:
        chosen.json.write_bytes(as_json(report))
    return int(any(goal.met is False for goal in report.goals))


if __name__ == "__main__":
    sys.exit(main())
