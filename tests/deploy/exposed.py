"""Every metric that some process of Pushline serves: ``python -m tests.deploy.exposed``.

In a process of its own: each metric is given a value, which no other test should see.
"""

import importlib
import pkgutil
import subprocess
import sys
from functools import cache
from types import ModuleType

import msgspec
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

import bus
import consumers
import edge
from bus import telemetry
from bus.fold import Fold
from bus.usage import Counted
from consumers.metrics import consumer as metrics
from consumers.metrics.board import Board
from consumers.metrics.calls import Calls
from consumers.metrics.tally import Tally
from edge.router.counters import Counted as Routed
from edge.router.instruments import Routers
from schemas import subjects
from schemas.events.run import RunBuildFailed, RunDelayed, RunFinished
from schemas.usage import Usage
from tests.consumers.metrics.story import Story
from tests.laptop import ROOT


def rooms() -> list[ModuleType]:
    """Return every module ``instruments`` of ours, imported."""
    found = (
        each.name
        for package in (bus, consumers, edge)
        for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if each.name.endswith(".instruments")
    )
    return [importlib.import_module(name) for name in found]


def exposition() -> bytes:
    """Return what all processes together would tell, each label with a value."""
    rooms()
    for name in list(vars(REGISTRY)["_names_to_collectors"].values()):
        _touch(name)
    registry = CollectorRegistry()
    registry.register(Board(_told(), _called()))
    registry.register(Routers(_routed))
    return telemetry.exposition() + generate_latest(registry)


@cache
def told() -> bytes:
    """Return what such a process prints."""
    command = [sys.executable, "-m", "tests.deploy.exposed"]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout


def families() -> dict[str, Metric]:
    """Return the metrics by name, as Prometheus parses them."""
    parsed = text_string_to_metric_families(told().decode())
    return {family.name: family for family in parsed if family.name.startswith("pushline_")}


def series() -> set[str]:
    """Return every name that a query may ask for."""
    return {sample.name for family in families().values() for sample in family.samples}


def _touch(collector: object) -> None:
    """Give a labelled metric that nobody has counted a sample, so that its labels are seen."""
    labels: tuple[str, ...] = getattr(collector, "_labelnames", ())
    if labels and not getattr(collector, "_metrics", True):
        collector.labels(*("some" for _ in labels))  # type: ignore[attr-defined]


def _routed() -> dict[str, Routed]:
    numbers = Routed(
        connections=1,
        connections_open=1,
        connections_refused=0,
        statuses=[0, 0, 1, 0, 0, 1],
        bytes_out=1,
        replayed=0,
        causes={"no_route": 1},
        functions=1,
        usage_waiting=0,
        latency={17: 1},
    )
    return {"router": numbers}


def _told() -> Fold[Tally]:
    story, fold = Story(), metrics.fold(None)
    run = story.queued("a")
    story.built(run)
    story.deploying(run)
    story.tell(RunBuildFailed(function="f", code="build_failed", message=""), "run", run)
    story.tell(RunDelayed(step="deployer", code="c", message=""), "run", run)
    ended = story.queued("b")
    story.tell(RunFinished(outcome="live"), "run", ended)
    fold.apply(story.events)
    for key, row in fold.rows.items():
        fold.rows[key] = msgspec.structs.replace(row, live=story.now)
    return fold


def _called() -> Calls:
    calls = Calls()
    subject = subjects.usage("github", "1296269", "production/hello")
    calls.add(1, Counted(subject, "r:1", Usage(7, 4, 1, {17: 4})))
    return calls


if __name__ == "__main__":
    sys.stdout.buffer.write(exposition())
