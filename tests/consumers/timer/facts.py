"""Facts that timers follow from."""

from schemas.envelope import Aggregate
from schemas.events.function import FunctionDeployed
from schemas.events.run import RunQueued
from schemas.repository import Repository
from schemas.route import RouteOptions
from schemas.schedule import Schedule

RUN = Aggregate("local", "alice/hello", "run", "01JD8Z6Q5V")
FUNCTION = Aggregate("local", "alice/hello", "function", "production/tick")
DIGEST = "sha256:" + "0" * 64


def deployed(
    cron: str, zone: str = "", policy: str = "public", generation: int = 1
) -> FunctionDeployed:
    """Return that a function is live, under a schedule."""
    return FunctionDeployed(
        run=RUN.id,
        generation=generation,
        revision=f"r{generation}",
        image=DIGEST,
        spec=DIGEST,
        sha="a" * 40,
        label="alice",
        environment="production",
        function="tick",
        upstream="127.0.0.1:1",
        route=RouteOptions(policy=policy),
        schedule=Schedule(cron, zone),
    )


def queued() -> RunQueued:
    """Return that a run begins."""
    return RunQueued(
        environment="production",
        generation=1,
        branch="main",
        sha="a" * 40,
        repository=Repository("alice", "hello", "main"),
        label="alice",
    )
