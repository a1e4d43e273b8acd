"""Events of runs, as plain values: a second apart unless a test says otherwise."""

from datetime import UTC, datetime, timedelta

from schemas.envelope import Aggregate, Recorded
from schemas.events import Event
from schemas.events.function import FunctionDeployed, FunctionDeployStarted
from schemas.events.run import RunArchived, RunBuildStarted, RunBuilt, RunQueued, RunResolved
from schemas.ids import run_id
from schemas.repository import Repository

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
DIGEST = "sha256:" + "5" * 64
SHA = "4" * 40
REPOSITORY = Repository("alice", "shop", "main")


class Story:
    """Tells facts of one project, one after the other."""

    def __init__(self, project: str = "1296269", name: str = "alice/shop") -> None:
        """Begin at START."""
        self.now = START
        self.events: list[Recorded[Event]] = []
        self._project = project
        self._name = name

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def tell(self, fact: Event, kind: str, id: str, *, after: float = 1.0) -> None:
        """Add a fact, some seconds after the one before."""
        self.wait(after)
        of = Aggregate("github", self._project, kind, id)
        seq = len(self.events) + 1
        self.events.append(Recorded(fact, of, f"e{seq}", seq, self.now, name=self._name))

    def queued(self, cause: str, *, after: float = 1.0) -> str:
        """Add a run that was pushed a second before it was queued; return its id."""
        self.wait(after - 1)
        run = run_id(cause, self.now)
        fact = RunQueued(
            environment="production",
            generation=1,
            branch="main",
            sha=SHA,
            repository=REPOSITORY,
            label="alice",
        )
        self.tell(fact, "run", run)
        return run

    def built(self, run: str, function: str = "hello") -> None:
        """Add what source and builder say of one function: 1 s waiting, 1 s working."""
        self.tell(RunResolved(sha=SHA, functions=(function,)), "run", run)
        archived = RunArchived(function=function, archive=DIGEST, spec=DIGEST, language="python3")
        self.tell(archived, "run", run, after=0)
        self.tell(RunBuildStarted(function=function), "run", run)
        self.tell(RunBuilt(function=function, image=DIGEST, spec=DIGEST), "run", run)

    def deploying(self, run: str, function: str = "hello") -> None:
        """Add that the deployer has begun."""
        started = FunctionDeployStarted(run=run, generation=1, revision="r", image=DIGEST)
        self.tell(started, "function", f"production/{function}")

    def deployed(self, run: str, function: str = "hello", *, after: float = 1.0) -> None:
        """Add that a revision is ready."""
        fact = FunctionDeployed(
            run=run,
            generation=1,
            revision="r",
            image=DIGEST,
            spec=DIGEST,
            sha=SHA,
            label="alice",
            environment="production",
            function=function,
            upstream="127.0.0.1:1",
        )
        self.tell(fact, "function", f"production/{function}", after=after)
