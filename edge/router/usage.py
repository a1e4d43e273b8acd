"""Usage: what each function was asked, counted in memory and sent to the log by and by.

Requests only append to a list; the router's sweep sorts it into buckets. A part of a minute is
kept under an id until the log has acknowledged it; what cannot be sent at the end lies in a file
for the next router. A router that is killed loses what it had not sent: seconds.
"""

import asyncio
import struct
import sys
import uuid
from array import array
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import msgspec
import structlog

from schemas import subjects
from schemas.errors import LogUnavailable
from schemas.usage import Usage, added, bucket

if TYPE_CHECKING:
    from edge.router.routes import Route

log = structlog.get_logger(__name__)

_REFUSED: Final = 400
_ERROR: Final = 500
_SWITCHED: Final = 101  # a WebSocket: how long it lasts is no latency
_UPPER: Final = 1 if sys.byteorder == "little" else 0
_FLOAT: Final = struct.Struct("=f")
_WORD: Final = struct.Struct("=I")
_MOST: Final = 50_000  # parts that wait for the log; older ones are dropped
_AT_ONCE: Final = 64  # parts on their way


Of = tuple[str, str, str]  # forge, project, environment/function


class Sink(Protocol):
    """Where counts go: ``bus.usage.UsageLog``."""

    async def write(self, subject: str, usage: Usage, *, id: str) -> None:
        """Store one part; raises LogUnavailable."""
        ...


class Part(msgspec.Struct, frozen=True):
    """What waits for the log."""

    subject: str
    id: str
    usage: Usage


class Tally:
    """What is counted of one function until the next sweep."""

    __slots__ = ("_dirty", "errors", "of", "refused", "took", "untimed")

    def __init__(self, of: Of, dirty: "list[Tally]") -> None:
        """Be put into ``dirty`` with the first request."""
        self._dirty = dirty
        self.of = of
        self.took: list[float] = []  # seconds
        self.errors = 0
        self.refused = 0
        self.untimed = 0

    def add(self, status: int, seconds: float) -> None:
        """Count one request that has ended."""
        if not self.took and not self.untimed:
            self._dirty.append(self)
        if status == _SWITCHED:
            self.untimed += 1
            return
        self.took.append(seconds)
        if status >= _ERROR:
            self.errors += 1
        elif status >= _REFUSED:
            self.refused += 1

    def taken(self, minute: int) -> Usage:
        """Return what was counted, and begin anew."""
        count = len(self.took) + self.untimed
        usage = Usage(minute, count, self.errors, sketch(self.took), self.refused)
        self.took, self.errors, self.refused, self.untimed = [], 0, 0, 0
        return usage


def sketch(took: list[float]) -> dict[int, int]:
    """Return seconds by bucket, at a tenth of what it costs to look at each.

    The upper half of a 32-bit float, exponent and seven bits, is a fine bucket already; those
    are counted first, and the few that differ are then put into ours.
    """
    halves = memoryview(array("f", took)).cast("B").cast("H")
    latency: dict[int, int] = {}
    for half, count in Counter(halves[_UPPER::2].tolist()).items():
        (seconds,) = _FLOAT.unpack(_WORD.pack(half << 16 | 0x8000))
        number = bucket(int(seconds * 1_000_000))
        latency[number] = latency.get(number, 0) + count
    return latency


class Meter:
    """All that one router process counts."""

    def __init__(self) -> None:
        """Begin with a name that no other router has."""
        self.id = uuid.uuid4().hex[:16]
        self.waiting: dict[str, Part] = {}  # by id, oldest first
        self.latency: dict[int, int] = {}  # of all functions, since the start
        self._tallies: dict[Of, Tally] = {}
        self._dirty: list[Tally] = []
        self._open: dict[tuple[Of, int], Usage] = {}
        self._parts = 0

    def tally(self, route: "Route") -> Tally:
        """Return where a route's requests are counted; the same after each switch."""
        of = _of(route)
        if of not in self._tallies:
            self._tallies[of] = Tally(of, self._dirty)
        return self._tallies[of]

    def forget(self, route: "Route") -> None:
        """Count a removed function no more; what was counted of it is sent still."""
        self._tallies.pop(_of(route), None)

    def collect(self, now: float) -> None:
        """Sort what came since the last time; ``now`` is of the epoch."""
        if not self._dirty:
            return
        minute = int(now // 60)
        tallies, self._dirty[:] = list(self._dirty), []
        for tally in tallies:
            place = tally.of, minute
            usage = tally.taken(minute)
            for number, count in usage.latency.items():
                self.latency[number] = self.latency.get(number, 0) + count
            before = self._open.get(place)
            self._open[place] = usage if before is None else added((before, usage), minute=minute)

    def close(self, now: float) -> None:
        """Give what was counted to those who send it: it does not change any more."""
        self.collect(now)
        for ((forge, project, function), minute), usage in self._open.items():
            self._parts += 1
            id = f"{self.id}:{minute}:{self._parts}"
            self.waiting[id] = Part(subjects.usage(forge, project, function), id, usage)
        self._open.clear()
        if (dropped := len(self.waiting) - _MOST) > 0:
            for id in list(self.waiting)[:dropped]:
                del self.waiting[id]
            log.warning("usage_dropped", parts=dropped)

    async def send(self, sink: Sink) -> None:
        """Send what waits; raises LogUnavailable, and keeps what was not acknowledged."""
        parts = list(self.waiting.values())
        for begin in range(0, len(parts), _AT_ONCE):
            sending = [self._send(sink, part) for part in parts[begin : begin + _AT_ONCE]]
            for error in await asyncio.gather(*sending, return_exceptions=True):
                if isinstance(error, BaseException):
                    raise error

    async def _send(self, sink: Sink, part: Part) -> None:
        await sink.write(part.subject, part.usage, id=part.id)
        self.waiting.pop(part.id, None)

    def keep(self, folder: Path) -> None:
        """Write what waits into a file, or remove it when nothing does."""
        file = folder / f"{self.id}.json"
        if not self.waiting:
            file.unlink(missing_ok=True)
            return
        folder.mkdir(parents=True, exist_ok=True)
        begun = file.with_suffix(".begun")
        begun.write_bytes(msgspec.json.encode(list(self.waiting.values())))
        begun.replace(file)
        log.info("usage_kept", parts=len(self.waiting))

    def recover(self, folder: Path) -> None:
        """Take over what routers before could not send; ids make it harmless to do it twice."""
        own = folder / f"{self.id}.json"
        for file in sorted(folder.glob("*.json")):
            try:
                file.replace(own)
                parts = msgspec.json.decode(own.read_bytes(), type=list[Part])
            except OSError:  # another router was quicker
                continue
            except msgspec.DecodeError as error:
                log.warning("usage_unreadable", file=file.name, error=str(error))
                continue
            self.waiting.update((part.id, part) for part in parts)
            self.keep(folder)


def _of(route: "Route") -> Of:
    return route.forge, route.project, f"{route.environment}/{route.function}"


async def sending(
    meter: Meter, sink: Sink, folder: Path, *, every: float, clock: Callable[[], float]
) -> None:
    """Send what is counted every few seconds, for ever."""
    while True:
        await asyncio.sleep(every)
        meter.close(clock())
        if meter.waiting:
            with suppress(LogUnavailable):  # it waits for the next time
                await meter.send(sink)
            await asyncio.to_thread(meter.keep, folder)
