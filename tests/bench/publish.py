"""Facts appended, 64 in flight: our log beside nats-py's own ways and the server's limit, A B A B.

The log's server has one core, who appends the other, in a process of its own each time.
"""

import subprocess
import sys
from contextlib import ExitStack
from typing import Final

import msgspec

from tests.bench import history
from tests.bench.appending import ready
from tests.bench.load import Measured
from tests.bench.process import LOAD_CORE, SERVER_CORE, on_core
from tests.bench.reading import Read
from tests.bench.report import OURS, Goal, How, Report, Rounds, ratio, say

AHEAD: Final = 64  # appends without an acknowledgement
PUBLISH: Final = "nats-py, publish"
LIMIT: Final = "the server's limit"
WAYS: Final = {OURS: "ours", PUBLISH: "published", "nats-py, publish_async": "published_async"}


def run(how: How) -> Report:
    """Return what all rounds found, by how often the server syncs."""
    cases = {sync: rounds(how, sync) for sync in history.SYNC if how.only in sync}
    return Report("publish", how.machine, cases, goals(cases))


def rounds(how: How, sync: str) -> Rounds:
    """Return what each way reached in each round."""
    found: Rounds = {name: [] for name in (*WAYS, LIMIT)}
    _, body, headers = ready()
    size = len(body) + sum(len(name) + len(value) + 4 for name, value in headers.items())
    folder = how.folder / sync.replace(" ", "-")
    folder.mkdir()
    (folder / "body").write_bytes(b"x" * size)
    with ExitStack() as stack:
        url = history.server(stack, folder, LOAD_CORE, sync)
        for number in range(1, how.rounds + 1):
            say(f"publish, {sync}: round {number} of {how.rounds}")
            for name, way in WAYS.items():
                command = ["appending", way, url, str(folder / "home"), str(AHEAD)]
                told = msgspec.json.decode(said(command, how.seconds), type=Read)
                rate, cpu = told.count / told.seconds, told.cpu / told.count * 1e6
                found[name].append(Measured(rate, cpu, 0.0, 0.0, rate * size / 2**20, 0.0, 0))
            port = url.rpartition(":")[2]
            command = ["limit", port, "ev.a.b.c.d", str(folder / "body"), str(AHEAD)]
            rate = float(said(command, how.seconds))
            found[LIMIT].append(Measured(rate, 0.0, 0.0, 0.0, rate * size / 2**20, 0.0, 0))
    return found


def said(command: list[str], seconds: float) -> bytes:
    """Return what a bench's process prints."""
    module, *more = command
    started = [sys.executable, "-m", f"tests.bench.{module}", *more, str(seconds)]
    return subprocess.run(on_core(SERVER_CORE, started), check=True, stdout=subprocess.PIPE).stdout


def goals(cases: dict[str, Rounds]) -> list[Goal]:
    """Return each goal with what was measured."""
    usual, synced = cases.get("default sync"), cases.get("fsync")
    return [
        Goal("publish: to nats-py's publish", 2.0, ratio(usual, PUBLISH, lambda m: m.rate)),
        Goal("publish, fsync: to the limit", 0.9, ratio(synced, LIMIT, lambda m: m.rate)),
    ]
