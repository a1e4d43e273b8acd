"""What routers count, in Prometheus's words; made when somebody asks, of plain numbers.

Labels are few: the router's process, a status class, a cause of ``causes``. What each function
was asked is no metric but USAGE.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from edge.router.counters import Counted
from schemas.usage import middle

_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_COUNTERS: Final = (
    ("connections", "Connections taken from callers", "connections"),
    ("connections_refused", "Connections over a limit", "connections_refused"),
    ("response_bytes", "Bytes of bodies sent to callers", "bytes_out"),
    ("replayed_requests", "Requests sent again after their connection had ended", "replayed"),
)
_GAUGES: Final = (
    ("open_connections", "Callers' connections at this moment", "connections_open"),
    ("functions", "Functions that have a route", "functions"),
    ("usage_waiting_parts", "Counts that the log has not acknowledged", "usage_waiting"),
)


class Routers(Collector):
    """Collects what ``source`` returns, by the names of routers."""

    def __init__(self, source: Callable[[], Mapping[str, Counted]]) -> None:
        """Ask ``source`` at each collection."""
        self._source = source

    def collect(self) -> Iterator[Metric]:
        """Yield each metric with the samples of all routers."""
        known = self._source()
        for name, text, field in _COUNTERS:
            counter = CounterMetricFamily(f"pushline_router_{name}", text, labels=["router"])
            for router, numbers in known.items():
                counter.add_metric([router], getattr(numbers, field))
            yield counter
        for name, text, field in _GAUGES:
            gauge = GaugeMetricFamily(f"pushline_router_{name}", text, labels=["router"])
            for router, numbers in known.items():
                gauge.add_metric([router], getattr(numbers, field))
            yield gauge
        yield _requests(known)
        yield _refusals(known)
        yield _seconds(known)


def _requests(known: Mapping[str, Counted]) -> Metric:
    family = CounterMetricFamily(
        "pushline_router_requests", "Requests that ended", labels=["router", "status"]
    )
    for router, numbers in known.items():
        for digit, count in enumerate(numbers.statuses):
            if digit:
                family.add_metric([router, f"{digit}xx"], count)
    return family


def _refusals(known: Mapping[str, Counted]) -> Metric:
    family = CounterMetricFamily(
        "pushline_router_refusals", "Answers of the router's own", labels=["router", "cause"]
    )
    for router, numbers in known.items():
        for cause, count in sorted(numbers.causes.items()):
            family.add_metric([router, cause], count)
    return family


def _seconds(known: Mapping[str, Counted]) -> Metric:
    family = HistogramMetricFamily(
        "pushline_router_seconds", "From a request's head to its answer's end", labels=["router"]
    )
    for router, numbers in known.items():
        times = [(middle(number) / 1e6, count) for number, count in numbers.latency.items()]
        buckets = [
            (str(bound), sum(count for seconds, count in times if seconds <= bound))
            for bound in _BOUNDS
        ]
        buckets.append(("+Inf", sum(count for _, count in times)))
        total = sum(seconds * count for seconds, count in times)
        family.add_metric([router], buckets, sum_value=total)
    return family


def exposition(name: str, numbers: Counted) -> bytes:
    """Return the metrics of one router that serves them itself."""
    registry = CollectorRegistry()
    registry.register(Routers(lambda: {name: numbers}))
    return generate_latest(registry)
