"""Board: what was folded, in Prometheus's words; made when somebody asks."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from bus.fold import Fold
from consumers.metrics import instruments
from consumers.metrics.calls import Calls
from consumers.metrics.instruments import Family
from consumers.metrics.spread import Spread, together
from consumers.metrics.tally import LEAD, Tally

MOST_CODES: Final = 64  # error codes with a series of their own; codes are ours, and few
OTHER: Final = "other"

Counts = dict[tuple[str, ...], float]


class Board(Collector):
    """Collects from the rows of a fold and from what functions were asked."""

    def __init__(
        self,
        tallies: Fold[Tally],
        calls: Calls,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Read both at each collection."""
        self._tallies = tallies
        self._calls = calls
        self._now = now

    def describe(self) -> Iterator[Metric]:
        """Yield nothing: what is to be registered need not be computed."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield each metric, all projects together."""
        tallies = list(self._tallies.rows.values())
        outcomes = added((row.outcomes for row in tallies), 1)
        yield counter(instruments.RUNS, outcomes)
        under_way = sum(len(row.pushed) for row in tallies)
        yield gauge(instruments.UNDER_WAY, {(): under_way})
        yield counter(instruments.FAILURES, bounded(added((row.failures for row in tallies), 2)))
        yield counter(instruments.DELAYS, bounded(added((row.delays for row in tallies), 2)))
        yield from self._times(tallies)
        yield gauge(instruments.OLDEST, oldest(tallies, self._now()))
        lived = [row.live for row in tallies if row.live]
        yield gauge(instruments.LAST_LIVE, {(): max(lived).timestamp()} if lived else {})
        yield from self._called()

    def _times(self, tallies: list[Tally]) -> Iterator[Metric]:
        spreads: dict[str, list[Spread]] = defaultdict(list)
        for row in tallies:
            for name, spread in row.spreads.items():
                spreads[name].append(spread)
        yield histogram(instruments.LEAD, {(): together(spreads.pop(LEAD, []))})
        for family, word in ((instruments.WAITING, "waiting"), (instruments.WORKING, "working")):
            named: dict[tuple[str, ...], Spread] = {
                (name.partition(" ")[2],): together(each)
                for name, each in sorted(spreads.items())
                if name.startswith(word)
            }
            yield histogram(family, named)

    def _called(self) -> Iterator[Metric]:
        named: Counts = defaultdict(float)
        failed: Counts = defaultdict(float)
        for (project, function), asked in self._calls.functions.items():
            row = self._tallies.rows.get(project)
            labels = (row.name if row and row.name else project, function)
            named[labels] += asked.invocations
            failed[labels] += asked.errors
        yield counter(instruments.CALLS, named)
        yield counter(instruments.ERRORS, failed)
        yield histogram(instruments.LATENCY, {(): self._calls.latency})


def added(counts: Iterator[dict[str, int]], words: int) -> Counts:
    """Return the sums, their names cut into so many labels."""
    total: Counts = defaultdict(float)
    for each in counts:
        for name, count in each.items():
            total[tuple(name.split(" ", words - 1))] += count
    return total


def bounded(counts: Counts) -> Counts:
    """Return counts with a code, all beyond the first codes under ``other``.

    By name, not by size: which they are changes only when a new one comes.
    """
    codes = sorted({code for _, code in counts})
    kept = set(codes[:MOST_CODES])
    total: Counts = defaultdict(float)
    for (step, code), count in counts.items():
        total[step, code if code in kept else OTHER] += count
    return total


def oldest(tallies: list[Tally], now: datetime) -> Counts:
    """Return how long the oldest of each step has been there."""
    ages: Counts = {}
    for row in tallies:
        for steps in row.steps.values():
            for step in steps.values():
                place = step.name, "working" if step.working else "waiting"
                age = max(0.0, (now - step.since).total_seconds())
                ages[place] = max(age, ages.get(place, 0.0))
    return ages


def counter(family: Family, counts: Counts) -> Metric:
    """Return a counter with its samples."""
    made = CounterMetricFamily(family.name, family.help, labels=family.labels)
    for labels, count in sorted(counts.items()):
        made.add_metric(list(labels), count)
    return made


def gauge(family: Family, values: Mapping[tuple[str, ...], float]) -> Metric:
    """Return a gauge with its samples."""
    made = GaugeMetricFamily(family.name, family.help, labels=family.labels)
    for labels, value in sorted(values.items()):
        made.add_metric(list(labels), value)
    return made


def histogram(family: Family, spreads: Mapping[tuple[str, ...], Spread]) -> Metric:
    """Return a histogram with its samples."""
    made = HistogramMetricFamily(family.name, family.help, labels=family.labels)
    for labels, spread in spreads.items():
        made.add_metric(list(labels), spread.buckets, sum_value=spread.seconds)
    return made
