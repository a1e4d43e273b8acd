"""The waterfall of a run as bars: light for waiting, full for working."""

from rich.console import Console
from rich.text import Text

from edge.api.waterfall import Step, Waterfall
from edge.cli.output import COLOURS, duration

WAITING, WORKING = "░", "█"
LEGEND = f"{WAITING} waiting {WORKING} working"
LEAST, MOST = 16, 60  # columns of the longest bar
WORDS = 58  # columns beside the bar: waited …, worked … (own start …)


def draw(fall: Waterfall, out: Console) -> None:
    """Print one line a step: name, function, bar on a terminal, waiting and working apart."""
    names = max((len(_name(step)) for step in fall.steps), default=0)
    room = min(MOST, max(LEAST, out.width - names - WORDS)) if out.is_terminal else 0
    for step in fall.steps:
        line = Text(f"  {_name(step):<{names}}  ")
        if room:
            line.append_text(bar(step, fall.total_ms, room)).append("  ")
        line.append(_spans(step))
        if step.state not in ("done", "cached"):
            line.append(f"  {step.state}", style=COLOURS[step.state])
        out.print(line)
    out.print(
        Text.assemble(
            "  total ",
            (duration(fall.total_ms), "bold"),
            ", of which Pushline's own ",
            (duration(fall.own_ms), "bold"),
            f" (own_ms {fall.own_ms})",
        )
    )


def bar(step: Step, total_ms: int, room: int) -> Text:
    """Return one bar at its place among ``room`` columns; what took time has at least one."""
    scale = room / max(total_ms, 1)
    begin = min(room - 1, int(step.start_ms * scale))
    wait = int(step.waiting_ms * scale)
    work = max(1, round(step.working_ms * scale))
    wait = min(wait, room - 1 - begin)
    work = min(work, room - begin - wait)
    return Text.assemble(
        " " * begin,
        (WAITING * wait, "bright_black"),
        (WORKING * work, COLOURS[step.state]),
        " " * (room - begin - wait - work),
    )


def _name(step: Step) -> str:
    return f"{step.name} {step.function}".rstrip()


def _spans(step: Step) -> str:
    waited = f"waited {duration(step.waiting_ms)}, " if step.waiting_ms else ""
    worked = f"worked {duration(step.working_ms)}"
    if step.state == "cached":
        worked = "cached"
    what = {"build": "tools", "deploy": "own start"}.get(step.name, "")
    outside = f" ({what} {duration(step.outside_ms)})" if step.outside_ms else ""
    return f"{waited}{worked}{outside}"
