"""How commands print: JSON an object a line, tables and colour on a terminal, plain in a pipe."""

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

COLOURS = {
    "live": "green",
    "done": "green",
    "cached": "green",
    "queued": "cyan",
    "building": "cyan",
    "deploying": "cyan",
    "running": "cyan",
    "claimed": "cyan",
    "failed": "red",
    "rejected": "red",
    "partly": "yellow",
    "superseded": "bright_black",
    "cancelled": "bright_black",
    "stopped": "bright_black",
    "empty": "bright_black",
}


def console(*, error: bool = False) -> Console:
    """Return a console that knows whether somebody looks on; in a pipe lines are never folded."""
    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() else 10_000
    return Console(file=stream, width=width, highlight=False, soft_wrap=not stream.isatty())


def as_json(rows: Iterable[object]) -> None:
    """Print an object a line."""
    for row in rows:
        sys.stdout.write(msgspec.json.encode(row).decode() + "\n")
    sys.stdout.flush()


def table(headings: Sequence[str], rows: Sequence[Sequence[str | Text]], *, empty: str) -> None:
    """Print rows: a table on a terminal, tab-separated with one heading line in a pipe."""
    out = console()
    if not rows:
        out.print(Text(empty, style="bright_black" if out.is_terminal else ""))
        return
    if not out.is_terminal:
        for cells in (headings, *rows):
            sys.stdout.write("\t".join(str(cell) for cell in cells) + "\n")
        return
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bright_black")
    for number, heading in enumerate(headings):
        # the first column holds what is pasted into the next command: never folded or cut
        shown.add_column(heading, no_wrap=True, overflow="fold" if number == 0 else "ellipsis")
    for cells in rows:
        shown.add_row(*cells)
    out.print(shown)


def state(word: str) -> Text:
    """Return an outcome in its colour."""
    return Text(word, style=COLOURS.get(word, ""))


def when(time: datetime, now: datetime | None = None) -> str:
    """Return a time with its zone: of today the hour alone, else the day too."""
    local = time.astimezone()
    today = (now or datetime.now(UTC)).astimezone().date() == local.date()
    return local.strftime("%H:%M:%S %Z" if today else "%Y-%m-%d %H:%M:%S %Z")


def duration(milliseconds: float) -> str:
    """Return a duration with its unit: ``8 ms``, ``1.24 s``, ``3 min 5 s``, ``2 h 4 min``."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 100:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def since(text: str) -> timedelta:
    """Return ``10m``, ``2h``, ``3d`` or ``45s`` as a span; ValueError says the shapes."""
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
    number, unit = text[:-1], text[-1:]
    if unit not in units or not number.isdecimal():
        raise ValueError(f"{text!r} is no span of time: write 45s, 10m, 2h or 3d")
    return timedelta(**{units[unit]: int(number)})


def program() -> str:
    """Return how this very command is started again; from a checkout, by its script."""
    script = Path(__file__).parents[2] / "deploy" / "pushline"
    if shutil.which("pushline") or not script.exists():
        return "pushline"
    return os.path.relpath(script) if script.is_relative_to(Path.cwd()) else str(script)
