"""What was promoted stays when the branch that it came of goes."""

from consumers.collector.environments import Environment, queued
from schemas.events.run import RunQueued
from tests.consumers.collector.yard import REPOSITORY


def run(generation: int, branch: str, promotes: str = "") -> RunQueued:
    """Return a run of production."""
    sha = f"{generation:040x}"
    return RunQueued("production", generation, branch, sha, REPOSITORY, "acme", promotes=promotes)


def test_a_promoted_preview_does_not_tie_production_to_its_branch() -> None:
    """Production's branch is the one that was pushed; deleting the other takes nothing."""
    pushed = queued(Environment(), "one", run(1, "main"))
    promoted = queued(pushed, "two", run(2, "feature/x", promotes="preview"))
    assert promoted.branch == "main"
    assert queued(promoted, "three", run(3, "main")).branch == "main"
