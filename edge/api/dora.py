"""How well delivering goes, in the four numbers that everybody compares, from the runs' fold.

Deployments are runs that went live; a change failed when its run ended failed or partly live. What
was rejected never got that far: it is told, and is in no rate.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

import msgspec

from edge.api.runs import Run
from edge.api.waterfall import pushed

FAILED = ("failed", "partly")


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the runs of one project, or of all, within some time."""

    project: str  # owner/name; empty: all together
    live: int = 0  # deployments
    failed: int = 0
    rejected: int = 0
    other: int = 0  # superseded, cancelled, empty
    live_per_day: float = 0.0
    failure_share: float | None = None  # of those that were to go live; None: there were none
    lead_p50_ms: int | None = None  # from the push to live
    lead_p90_ms: int | None = None
    restore_p50_ms: int | None = None  # from a failure to the next live run of that environment
    last_live: datetime | None = None


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """One day, UTC, for a chart."""

    day: date
    live: int = 0
    failed: int = 0


class StatsView(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered."""

    seq: int
    since: datetime
    until: datetime
    total: Stats
    projects: tuple[Stats, ...]  # by name
    days: tuple[Day, ...]  # oldest first, those without a run among them


def measured(
    runs: Iterable[tuple[str, Run]], since: datetime, until: datetime, seq: int
) -> StatsView:
    """Return the numbers of the runs that ended in a span; each comes with its project's name."""
    ended = [
        (name, run) for name, run in runs if run.ended is not None and since <= run.ended <= until
    ]
    by_name: dict[str, list[Run]] = defaultdict(list)
    for name, run in ended:
        by_name[name].append(run)
    span = max((until - since) / timedelta(days=1), 1e-9)
    everything = [run for _, run in ended]
    return StatsView(
        seq=seq,
        since=since,
        until=until,
        total=of("", everything, span),
        projects=tuple(of(name, each, span) for name, each in sorted(by_name.items())),
        days=_days(everything, since, until),
    )


def of(project: str, runs: Sequence[Run], days: float) -> Stats:
    """Return the numbers of some runs that ended within so many days."""
    counted: Counter[str] = Counter(run.outcome for run in runs)
    live, failed = counted["live"], sum(counted[outcome] for outcome in FAILED)
    lived = [run for run in runs if run.outcome == "live"]
    leads = sorted(_ms(run.ended - pushed(run)) for run in lived if run.ended)
    restores = sorted(_restores(runs))
    return Stats(
        project=project,
        live=live,
        failed=failed,
        rejected=counted["rejected"],
        other=len(runs) - live - failed - counted["rejected"],
        live_per_day=round(live / days, 3),
        failure_share=round(failed / (live + failed), 4) if live + failed else None,
        lead_p50_ms=round(statistics.median(leads)) if leads else None,
        lead_p90_ms=leads[min(len(leads) - 1, int(len(leads) * 0.9))] if leads else None,
        restore_p50_ms=round(statistics.median(restores)) if restores else None,
        last_live=max((run.ended for run in lived if run.ended), default=None),
    )


def _restores(runs: Sequence[Run]) -> Iterable[int]:
    """Yield how long each environment took from its first failure in a row to be live again."""
    broken: dict[tuple[str, str, str], datetime] = {}
    for run in sorted(runs, key=lambda run: run.ended or run.queued):
        place = run.forge, run.project, run.environment
        if run.outcome in FAILED and run.ended:
            broken.setdefault(place, run.ended)
        elif run.outcome == "live" and run.ended and place in broken:
            yield _ms(run.ended - broken.pop(place))


def _days(runs: Sequence[Run], since: datetime, until: datetime) -> tuple[Day, ...]:
    counted: Counter[tuple[date, str]] = Counter()
    for run in runs:
        if run.ended and run.outcome in {"live", *FAILED}:
            counted[run.ended.date(), "live" if run.outcome == "live" else "failed"] += 1
    count = (until.date() - since.date()).days + 1
    every = (since.date() + timedelta(days=number) for number in range(count))
    return tuple(
        Day(day=day, live=counted[day, "live"], failed=counted[day, "failed"]) for day in every
    )


def _ms(span: timedelta) -> int:
    return max(0, round(span / timedelta(milliseconds=1)))
