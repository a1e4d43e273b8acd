"""The audit record over 100,000 events: written, verified, compared with its log, exported.

Our own numbers: time, and the most memory that a process of its own took.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from bus.connection import connect
from bus.settings import BusSettings
from consumers.audit.consumer import audit
from consumers.audit.export import export
from consumers.audit.file import last_line
from consumers.audit.record import checked
from consumers.audit.verify import Mark, compare, verify
from tests.bench import history
from tests.bench.process import LOAD_CORE, SERVER_CORE, on_core
from tests.bench.report import Goal, How, Report, markdown, say

COUNT: Final = 100_000  # events


class Took(NamedTuple):
    """What one step took."""

    seconds: float
    rss_mb: float


def run(how: How) -> Report:
    """Return what each step took."""
    with ExitStack() as stack:
        url = history.server(stack, how.folder / "log", LOAD_CORE, "default sync")
        home = how.folder / "log" / "home"
        say(f"filling a log with {COUNT:,} events")
        asyncio.run(history.fill(url, home, COUNT))
        record = how.folder / "audit" / "record.jsonl"
        found = {step: _took(step, url, home, record) for step in STEPS}
        size = record.stat().st_size
    rows = [
        (step, f"{took.seconds:.2f}", f"{COUNT / took.seconds:,.0f}", f"{took.rss_mb:.0f}")
        for step, took in found.items()
    ]
    notes = [
        f"{COUNT:,} events, {size / 2**20:.0f} MiB of record",
        "\n".join(markdown(("step", "seconds", "events/s", "RSS MB"), rows)),
    ]
    goals = [
        Goal("record: events/s", 10_000, COUNT / found["record"].seconds, "/s"),
        Goal("verify: seconds", 5, found["verify"].seconds, "s", at_least=False),
        Goal("verify: memory", 120, found["verify"].rss_mb, "MB", at_least=False),
    ]
    return Report("audit", how.machine, {}, goals, notes)


def _took(step: str, url: str, home: Path, record: Path) -> Took:
    say(f"audit: {step}")
    command = [sys.executable, "-m", "tests.bench.audit", step, url, str(home), str(record)]
    said = subprocess.run(on_core(SERVER_CORE, command), check=True, stdout=subprocess.PIPE).stdout
    return msgspec.json.decode(said.splitlines()[-1], type=Took)  # behind lines of the log


async def _record(url: str, home: Path, record: Path) -> None:
    """Record all events, and no more."""
    stopping = asyncio.Event()
    async with connect(BusSettings(nats_url=url, home=home), name="bench-audit") as bus:
        head = await bus.log.head()
        task = asyncio.create_task(audit(bus, record, stopping))
        while _last(record) < head:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
        stopping.set()
        await task


def _last(record: Path) -> int:
    text = last_line(record)[1] if record.exists() else b""
    return checked(text, None).seq if text else 0


async def _compare(url: str, home: Path, record: Path) -> None:
    """Make each line again from its event."""
    async with connect(BusSettings(nats_url=url, home=home), name="bench-audit") as bus:
        stored = bus.follow.stored(after=0, until=COUNT)
        assert (await compare(verify(record, Mark()), stored, Mark())).seq == COUNT


def _verify(record: Path) -> None:
    assert sum(1 for _ in verify(record, Mark())) >= COUNT


def _export(record: Path) -> None:
    with record.with_suffix(".export").open("wb") as out:
        assert export(record, 1, COUNT, out).records == COUNT


STEPS: Final[dict[str, Callable[[str, Path, Path], object]]] = {
    "record": lambda url, home, record: asyncio.run(_record(url, home, record)),
    "verify": lambda _, __, record: _verify(record),
    "compare with the log": lambda url, home, record: asyncio.run(_compare(url, home, record)),
    "export": lambda _, __, record: _export(record),
}


def _most() -> float:
    """Return the most MB that this program took; what getrusage says is older than its start."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (kib,) = (int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return kib / 1024


def main() -> None:
    """Do one step; say what it took."""
    step, url, home, record = sys.argv[1:]
    begun = time.perf_counter()
    STEPS[step](url, Path(home), Path(record))
    took = time.perf_counter() - begun
    os.write(1, msgspec.json.encode(Took(took, _most())))


if __name__ == "__main__":
    main()
