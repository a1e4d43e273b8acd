"""How the demo tells what happens: lines for people, or an object a line for programs."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from rich.text import Text

from edge.api.shapes import RunView, fall_of
from edge.cli import bars
from edge.cli.output import as_json, console, duration
from schemas.errors import PushlineError


class StepFailed(PushlineError):
    """A step of the demo did not do what it should."""

    code = "demo_failed"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What one step came to, as JSON."""

    step: str
    ok: bool = True
    ms: int
    detail: str
    run: str | None = None
    own_ms: int | None = None


class Teller:
    """Tells steps as they happen."""

    def __init__(self, *, json: bool) -> None:
        """Tell programs or people."""
        self.json = json
        self.began = time.monotonic()
        self.out = console()

    @contextmanager
    def step(self, name: str) -> Iterator[dict[str, str]]:
        """Time a step; what is put under ``detail`` is told with it when it has ended."""
        said: dict[str, str] = {}
        begun = time.monotonic()
        try:
            yield said
        except BaseException as error:
            if isinstance(error, Exception):
                self.told(name, time.monotonic() - begun, str(error), ok=False)
            raise
        self.told(name, time.monotonic() - begun, said.get("detail", ""))

    def told(self, name: str, seconds: float, detail: str, *, ok: bool = True) -> None:
        """Tell a step that has ended."""
        took = seconds * 1000
        if self.json:
            as_json([Step(step=name, ok=ok, ms=round(took), detail=detail)])
            return
        mark = ("✓", "green") if ok else ("✗", "red")
        self.out.print(
            Text.assemble(mark, (f" {name:<16}", "bold"), f" {duration(took):>8}   ", detail)
        )
        sys.stdout.flush()

    def heading(self, text: str) -> None:
        """Begin a part."""
        if not self.json:
            self.out.print(Text.assemble("\n", (text, "bold")))

    def line(self, *parts: str | Text | tuple[str, str], indent: int = 2) -> None:
        """Print a line for people."""
        if not self.json:
            self.out.print(Text.assemble(" " * indent, *parts))
            sys.stdout.flush()

    def event(self, kind: Text, since: float, about: str) -> None:
        """Tell an event of the log as it comes."""
        if self.json:
            detail = f"{kind.plain.strip()} {about}".strip()
            as_json([Step(step="event", ms=round(since * 1000), detail=detail)])
        self.line((f"+{since:6.3f} s  ", "bright_black"), kind, f"  {about}")

    def waterfall(self, view: RunView) -> None:
        """Show a run."""
        if self.json:
            detail = f"{view.outcome}: {', '.join(view.functions)}"
            as_json(
                [
                    Step(
                        step="run",
                        ok=view.outcome == "live",
                        ms=view.total_ms,
                        own_ms=view.own_ms,
                        run=view.id,
                        detail=detail,
                    )
                ]
            )
            return
        self.heading(f"Where the time went: run {view.id}, {bars.LEGEND}")
        bars.draw(fall_of(view), self.out)

    def end(self, message: str) -> None:
        """Tell how the whole came out."""
        took = (time.monotonic() - self.began) * 1000
        if self.json:
            as_json([Step(step="done", ms=round(took), detail=message)])
        else:
            self.out.print(Text.assemble("\n", ("✓ ", "green"), f"{message} ({duration(took)})"))
