"""`pushline stats`: how fast, how often and how well pushes go live."""

from collections.abc import Sequence
from typing import Final

from rich.text import Text

from edge.api.dora import Day, Stats, StatsView
from edge.cli.client import Api
from edge.cli.output import as_json, console, duration, table, when
from edge.cli.where import HERE, At, JsonOption, target

HEADINGS: Final = (
    "PROJECT",
    "LIVE",
    "A DAY",
    "LEAD",
    "9 IN 10",
    "FAILED",
    "MENDED IN",
)
BARS: Final = " ▁▂▃▄▅▆▇█"


def stats(
    project: str = "",
    *,
    days: int = 30,
    environment: str = "production",
    json: JsonOption = False,
    at: At = HERE,
) -> int:
    """Show lead time, deployments a day, failures, and how soon those were mended.

    Parameters
    ----------
    project
        Only this project, owner/name.
    days
        How far back.
    environment
        Whose runs are counted; empty for all.
    """
    view = Api(target(at)).get(
        "/api/stats", StatsView, project=project, environment=environment, days=days
    )
    if json:
        as_json([view])
        return 0
    rows = [cells(row) for row in view.projects]
    if len(rows) > 1:
        rows.append(cells(view.total, name="together"))
    empty = f"nothing ended in {environment or 'any environment'} within {days} days"
    table(HEADINGS, rows, empty=empty)
    if (out := console()).is_terminal and rows:
        out.print(Text(f"\n{drawn(view.days)}  live a day, since {when(view.since)}"))
    return 0


def cells(row: Stats, *, name: str = "") -> tuple[str | Text, ...]:
    """Return one project's line."""
    share = "" if row.failure_share is None else f"{row.failed} ({row.failure_share:.0%})"
    return (
        name or row.project,
        str(row.live),
        f"{row.live_per_day:.2f}",
        _lasting(row.lead_p50_ms),
        _lasting(row.lead_p90_ms),
        Text(share, style="red" if row.failed else ""),
        _lasting(row.restore_p50_ms),
    )


def _lasting(milliseconds: int | None) -> str:
    return "" if milliseconds is None else duration(milliseconds)


def drawn(days: Sequence[Day]) -> str:
    """Return a bar a day, as high as the most of them."""
    most = max((day.live for day in days), default=0) or 1
    return "".join(BARS[-(-day.live * (len(BARS) - 1) // most)] for day in days)
