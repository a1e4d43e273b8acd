"""What happens to pull request 1: facts as intake, planner and deployer write them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from schemas.events import Event
from schemas.events.environment import EnvironmentClosed, EnvironmentOpened, Reason
from schemas.events.pull import PullClosed, PullHeld, PullOpened, PullUpdated
from schemas.repository import Repository
from tests.consumers.status.story import BEGIN, Run, sha

UNTIL = BEGIN + timedelta(days=7)
PREVIEW = "pr-1"
Fact = tuple[str, str, Event]


class Story:
    """A pull request and its runs."""

    def __init__(self, repository: Repository) -> None:
        """Begin with no commit."""
        self.repository = repository
        self.runs = 0

    def opened(self, minute: int = 0, **more: Any) -> Fact:
        """Return that it was opened, or again."""
        fact = PullOpened(
            number=1,
            branch="topic",
            sha=sha("b"),
            base="main",
            repository=self.repository,
            author="octocat",
            updated=BEGIN + timedelta(minutes=minute),
            **more,
        )
        return "pull", "1", fact

    def pushed(self, minute: int) -> Fact:
        """Return that its branch has moved."""
        fact = PullUpdated(
            number=1,
            branch="topic",
            sha=sha("c"),
            base="main",
            repository=self.repository,
            updated=BEGIN + timedelta(minutes=minute),
        )
        return "pull", "1", fact

    def held(self, commit: str = "f") -> Fact:
        """Return that a fork's commit waits."""
        fact = PullHeld(1, sha(commit), self.repository, author="mallory", environment=PREVIEW)
        return "pull", "1", fact

    def run(self, commit: str = "") -> Run:
        """Return one more run."""
        self.runs += 1
        more = {"sha": sha(commit)} if commit else {}
        return Run(self.runs, PREVIEW, branch="topic", pull=1, repository=self.repository, **more)

    def live(self, *names: str, commit: str = "") -> Iterator[Fact]:
        """Yield a run that goes well; the first opens the preview."""
        run = self.run(commit)
        for number, fact in enumerate(run.live(*names)):
            yield fact
            if self.runs == 1 and not number:
                yield "environment", PREVIEW, EnvironmentOpened("topic", UNTIL, 1, pull=1)

    def closed(self, *, merged: bool = True, minute: int = 9) -> Fact:
        """Return that it was merged, or given up."""
        fact = PullClosed(1, sha("b"), merged, BEGIN + timedelta(minutes=minute))
        return "pull", "1", fact

    def removed(self, reason: Reason = "pull-closed") -> Fact:
        """Return that its preview is no more."""
        return "environment", PREVIEW, EnvironmentClosed(reason)
