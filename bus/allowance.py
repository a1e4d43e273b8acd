"""Allowance: how much of what a tenant's builds and functions print is kept each day.

Beyond it lines are dropped, and each log says so once; nobody who prints ever waits or fails for
it. Each process that writes counts for itself, from its start on.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from itertools import accumulate
from typing import Final, Protocol

from bus import instruments

MIB: Final = 1024 * 1024


class Sink(Protocol):
    """Where lines go: ``bus.lines.Lines``."""

    async def write(self, subject: str, lines: Sequence[str]) -> None:
        """Store lines."""
        ...


def _today() -> date:
    return datetime.now(UTC).date()


class Allowance:
    """What each tenant has written today."""

    def __init__(self, limit: int, *, today: Callable[[], date] = _today) -> None:
        """Let each tenant write so many bytes a day; 0: any number."""
        self._limit = limit
        self._today = today
        self._day = today()
        self._spent: Counter[str] = Counter()  # tenant → bytes
        self._told: set[str] = set()  # subjects that were told of the end

    async def write(self, sink: Sink, whose: str, subject: str, lines: Sequence[str]) -> None:
        """Store what the tenant may still write today; raises what ``sink`` raises.

        What could not be stored counts for nothing, so that it can be tried again.
        """
        if not self._limit:
            await sink.write(subject, lines)
            return
        self._turn()
        sizes = [len(line.encode("utf-8", "replace")) + 1 for line in lines]
        room = self._limit - self._spent[whose]
        fit = sum(1 for total in accumulate(sizes) if total <= room)
        kept = list(lines[:fit])
        over = fit < len(lines)
        if over and subject not in self._told:
            kept.append(self._end())
        if kept:
            await sink.write(subject, kept)
        self._spent[whose] += sum(sizes[:fit])
        if over:
            self._spent[whose] = self._limit  # a shorter line later would stand out of place
            self._told.add(subject)
            instruments.cut.inc(sum(sizes[fit:]))

    def _turn(self) -> None:
        """Begin anew with each day."""
        if (day := self._today()) != self._day:
            self._day = day
            self._spent.clear()
            self._told.clear()

    def _end(self) -> str:
        size = f"{self._limit / MIB:g} MiB"
        return f"pushline: this tenant's {size} of log for {self._day} (UTC) are used up: no more"
