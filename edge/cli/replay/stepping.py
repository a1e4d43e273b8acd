"""Going through a private copy: event by event on a terminal, or at a pace."""

import asyncio
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from rich.text import Text

from bus.blocking import run_blocking
from bus.fold import Fold
from edge.api.eventline import line_of
from edge.cli.eventprint import shown
from edge.cli.output import console
from schemas.envelope import Recorded
from schemas.events import Event

PROMPT: Final = "next, continue, until SEQ, inspect FOLD [KEY], quit> "
HELP: Final = """\
  next [COUNT]        go on by one event, or so many (n; an empty line is `next`)
  continue            go on to the end (c)
  until SEQ           go on to this event (u)
  inspect FOLD [KEY]  show a fold as it is before this event (i); without FOLD: which there are
  quit                end here (q)
"""


class Paced:
    """Lets events pass as far apart as they were; ``factor`` times as fast."""

    def __init__(self, factor: float) -> None:
        """Wait before each event but the first."""
        self._factor = factor
        self._last: datetime | None = None

    async def __call__(self, event: Recorded[Event]) -> bool:
        """Wait until it is this event's turn."""
        last, self._last = self._last, event.time
        if last is not None:
            await asyncio.sleep(max(0.0, (event.time - last).total_seconds()) / self._factor)
        return True


class Stepper:
    """Asks on standard input before an event passes; the end of input ends the replay."""

    def __init__(self, folds: Mapping[str, Fold[Any]]) -> None:
        """Stop before the first event; ``folds`` can be looked into."""
        self._folds = folds
        self._out = console()
        self._free = 0  # events that pass without a question
        self._until = 0  # up to this sequence

    async def __call__(self, event: Recorded[Event]) -> bool:
        """Show the event, then do what is asked until it may pass."""
        shown(line_of(event), self._out)
        if self._free > 0 or event.seq < self._until:
            self._free -= 1
            return True
        while True:
            line = await run_blocking(_line)
            if line is None:
                return False
            word, *rest = line.split() or ["next"]
            if word in ("quit", "q"):
                return False
            if self._passes(word, rest, event.seq):
                return True

    def _passes(self, word: str, rest: list[str], seq: int) -> bool:
        """Do what one line asks; True when the event may pass."""
        match word, rest:
            case (("next" | "n"), []):
                return True
            case (("next" | "n"), [count]) if count.isdecimal():
                self._free = int(count) - 1
                return True
            case (("continue" | "c"), []):
                self._free = sys.maxsize
                return True
            case (("until" | "u"), [until]) if until.isdecimal() and int(until) > seq:
                self._until = int(until)
                return True
            case (("inspect" | "i"), [*names]):
                self._inspect(*names[:2])
            case _:
                self._out.print(HELP, end="")
        return False

    def _inspect(self, name: str = "", key: str = "") -> None:
        """Print which folds there are, a fold's rows, or one of them."""
        fold = self._folds.get(name)
        if fold is None:
            self._out.print(f"  there are {', '.join(sorted(self._folds))}")
            return
        rows = {row: value for row, value in fold.rows.items() if key in row}
        self._out.print(f"  {name} at {fold.seq}: {len(rows)} of {len(fold.rows)} rows")
        for row, value in rows.items():
            body = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
            text = "\n".join(f"    {line}" for line in f"{row} {body}".splitlines())
            self._out.print(Text(text))


def _line() -> str | None:
    """Return what is typed next, None at the end; the prompt is for a terminal alone."""
    if sys.stdin.isatty():
        sys.stdout.write(PROMPT)
        sys.stdout.flush()
    line = sys.stdin.readline()
    return line or None
