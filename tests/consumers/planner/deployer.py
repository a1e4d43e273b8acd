"""The deployer's words, for tests that play it."""

from schemas.envelope import Aggregate, Recorded
from schemas.events.function import FunctionDeployed, FunctionDeployFailed, FunctionDeployStarted
from schemas.events.run import RunQueued
from tests.consumers.planner.office import PROJECT

DIGEST = "sha256:" + "0" * 64


def place(function: str, project: str = PROJECT) -> Aggregate:
    """Return a function in production."""
    return Aggregate("local", project, "function", f"production/{function}")


def started(run: Recorded[RunQueued]) -> FunctionDeployStarted:
    """Return what the deployer says first."""
    return FunctionDeployStarted(run.of.id, run.fact.generation, "r", DIGEST)


def deployed(run: Recorded[RunQueued], function: str) -> FunctionDeployed:
    """Return what the deployer says of a function that is ready."""
    return FunctionDeployed(
        run=run.of.id,
        generation=run.fact.generation,
        revision="r",
        image=DIGEST,
        spec=DIGEST,
        sha=run.fact.sha,
        label=run.fact.label,
        environment=run.fact.environment,
        function=function,
        upstream="unix:fn-0.sock",
    )


def failed(run: Recorded[RunQueued]) -> FunctionDeployFailed:
    """Return what the deployer says of a function that did not become ready."""
    return FunctionDeployFailed(run.of.id, run.fact.generation, "r", "not_ready", "no answer")
