"""Calls: what functions were asked, summed from USAGE; kept over a start of the process.

Reads   USAGE, each part once
Writes  one file, its own
Twice   is harmless: parts have ids, and the file says how far it is true
"""

import asyncio
from collections import OrderedDict
from pathlib import Path
from typing import Final

import msgspec
import structlog

from bus.blobs import write_whole
from bus.blocking import run_blocking
from bus.connection import Bus
from bus.usage import USAGE, Counted
from consumers.metrics.spread import Spread
from schemas import subjects
from schemas.usage import middle

log = structlog.get_logger(__name__)

MOST: Final = 200  # functions with series of their own: the first that were called, for good
OTHER: Final = ("other", "other")
SEEN: Final = 20_000  # ids that are known again: routers repeat what was not acknowledged
EVERY: Final = 30.0  # seconds between two writes of the file
NAME: Final = "metrics-usage.json"

Of = tuple[str, str]  # <forge>:<project>, <environment>/<function>


class Asked(msgspec.Struct, frozen=True, gc=False):
    """What one function was asked, since the log began."""

    invocations: int = 0
    errors: int = 0


class Kept(msgspec.Struct, frozen=True):
    """The file."""

    log: str  # which log it was: a new one begins anew
    seq: int
    functions: list[tuple[str, str, Asked]]
    latency: Spread
    seen: list[str]


class Calls:
    """Sums by function, of a bounded number of functions."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.functions: dict[Of, Asked] = {}
        self.latency = Spread()
        self.seq = 0
        self._seen: OrderedDict[str, None] = OrderedDict()

    def add(self, seq: int, counted: Counted) -> None:
        """Count one part, once."""
        self.seq = seq
        if counted.id in self._seen:
            return
        self._seen[counted.id] = None
        if len(self._seen) > SEEN:
            self._seen.popitem(last=False)
        of = named(counted.subject)
        if of not in self.functions and len(self.functions) >= MOST:
            of = OTHER
        before, usage = self.functions.get(of, Asked()), counted.usage
        self.functions[of] = Asked(
            before.invocations + usage.invocations, before.errors + usage.errors
        )
        for number, count in usage.latency.items():
            self.latency = self.latency.times(middle(number) / 1e6, count)

    def load(self, file: Path, log_born: str) -> None:
        """Go on where the file ends; one that is damaged or of another log is passed over."""
        try:
            kept = msgspec.json.decode(file.read_bytes(), type=Kept)
        except FileNotFoundError:
            return
        except (OSError, msgspec.DecodeError) as error:
            log.warning("usage_counts_ignored", reason=str(error))
            return
        if kept.log != log_born:
            log.warning("usage_counts_ignored", reason="they are of another log")
            return
        self.functions = {(project, name): asked for project, name, asked in kept.functions}
        self.latency, self.seq = kept.latency, kept.seq
        self._seen = OrderedDict.fromkeys(kept.seen)

    def saved(self, log_born: str) -> bytes:
        """Return what the file holds."""
        functions = [(*of, asked) for of, asked in self.functions.items()]
        kept = Kept(log_born, self.seq, functions, self.latency, list(self._seen))
        return msgspec.json.encode(kept)


def named(subject: str) -> Of:
    """Return whose count a subject of USAGE is; a shortened token stands for itself."""
    _, forge, project, function = subject.split(".")
    known = [subjects.decode(token) for token in (forge, project, function)]
    forge_, project_, function_ = (
        token if text is None else text
        for text, token in zip(known, (forge, project, function), strict=True)
    )
    return f"{forge_}:{project_}", function_


async def count(bus: Bus, calls: Calls, folder: Path) -> None:
    """Count what is there, and what comes, for ever."""
    file = folder / NAME
    await run_blocking(calls.load, file, bus.born)
    info = await bus.js.info(USAGE)
    if info is None or int(info["state"]["last_seq"]) < calls.seq:
        calls.seq = 0  # the stream is another: what it has is new
    saver = asyncio.create_task(_keep(bus, calls, file), name="usage-counts")
    try:
        async for seq, counted in bus.usage.follow(calls.seq):
            calls.add(seq, counted)
    finally:
        saver.cancel()


async def _keep(bus: Bus, calls: Calls, file: Path) -> None:
    kept = calls.seq
    while True:
        await asyncio.sleep(EVERY)
        if calls.seq == kept:
            continue
        seq, body = calls.seq, calls.saved(bus.born)
        try:
            await run_blocking(_write, file, body)
        except OSError as error:
            log.warning("usage_counts_not_written", error=str(error))
        else:
            kept = seq


def _write(file: Path, body: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, body)
