"""What happens to commits of one project: facts as planner, source, builder and deployer write."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.envelope import Aggregate, Recorded
from schemas.events import Event
from schemas.events.function import FunctionDeployed, FunctionDeployFailed, FunctionDeployStarted
from schemas.events.run import RunArchived, RunBuilt, RunFinished, RunQueued, RunResolved
from schemas.ids import run_id
from schemas.repository import Repository

FORGE, PROJECT = "github", "1296269"
BEGIN = datetime(2026, 11, 25, 12, tzinfo=UTC)
DIGEST = "sha256:" + "1" * 64
REPOSITORY = Repository(
    owner="Acme",
    name="shop",
    default_branch="main",
    clone_url="https://github.com/Acme/shop.git",
    installation="77",
)


def sha(letter: str) -> str:
    """Return a commit."""
    return letter * 40


class Run:
    """One run's facts, with what they are about."""

    def __init__(self, number: int, environment: str = "production", **more: Any) -> None:
        """Begin as the environment's ``number``-th, of a commit named after it."""
        self.environment = environment
        self.id = run_id(f"{environment}:{number}", BEGIN + timedelta(seconds=number))
        self.queued = RunQueued(
            environment=environment,
            generation=number,
            branch=more.pop("branch", "main"),
            sha=more.pop("sha", sha("abcdef0123456789"[number % 16])),
            repository=more.pop("repository", REPOSITORY),
            label="acme",
            pusher="octocat",
            **more,
        )

    def function(self, name: str) -> str:
        """Return the id of its function's aggregate."""
        return f"{self.environment}/{name}"

    def begun(self, *names: str) -> Iterator[tuple[str, str, Event]]:
        """Yield its first facts, until its functions are built."""
        yield "run", self.id, self.queued
        yield "run", self.id, RunResolved(self.queued.sha, names)
        for name in names:
            yield "run", self.id, RunArchived(name, DIGEST, DIGEST, "python3")
        for name in names:
            yield "run", self.id, RunBuilt(name, DIGEST, DIGEST)

    def started(self, name: str) -> tuple[str, str, Event]:
        """Return that a function is being deployed."""
        fact = FunctionDeployStarted(self.id, self.queued.generation, "r1", DIGEST)
        return "function", self.function(name), fact

    def deployed(self, name: str) -> tuple[str, str, Event]:
        """Return that a function was seen ready."""
        fact = FunctionDeployed(
            run=self.id,
            generation=self.queued.generation,
            revision="r1",
            image=DIGEST,
            spec=DIGEST,
            sha=self.queued.sha,
            label="acme",
            environment=self.environment,
            function=name,
            upstream="unix:fn.sock",
        )
        return "function", self.function(name), fact

    def failed(self, name: str) -> tuple[str, str, Event]:
        """Return that a function did not become ready."""
        fact = FunctionDeployFailed(self.id, self.queued.generation, "r1", "exited", "exit code 1")
        return "function", self.function(name), fact

    def ended(self, outcome: Any, message: str = "") -> tuple[str, str, Event]:
        """Return its end."""
        return "run", self.id, RunFinished(outcome, message)

    def live(self, *names: str) -> Iterator[tuple[str, str, Event]]:
        """Yield all of a run that goes well."""
        yield from self.begun(*names)
        for name in names:
            yield self.started(name)
            yield self.deployed(name)
        yield self.ended("live")


def recorded(seq: int, kind: str, id: str, fact: Event) -> Recorded[Any]:
    """Return a fact as it stands in the log."""
    of = Aggregate(FORGE, PROJECT, kind, id)
    return Recorded(fact, of, f"test:{seq}", seq, BEGIN + timedelta(seconds=seq))
