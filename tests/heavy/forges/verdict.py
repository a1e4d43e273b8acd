"""What is true of each commit by the log, and whether it happened once."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bus.connection import connect
from edge.cli import operator
from schemas.envelope import Recorded
from schemas.events.branch import BranchPushed
from schemas.events.function import FunctionDeployed
from schemas.events.run import RunFinished, RunQueued, RunResolved, RunSuperseded
from schemas.ids import tag_of

OUTCOMES: Final = {"live": "success", "superseded": "cancelled", "cancelled": "cancelled"}


@dataclass
class RunTold:
    """One run as the log tells it."""

    forge: str
    project: str
    sha: str  # that was pushed
    taken: str = ""  # that it took: the head by then
    ended: str = ""
    live: set[str] = field(default_factory=set)  # functions


@dataclass
class Told:
    """All of a log that counts here."""

    runs: dict[str, RunTold] = field(default_factory=dict)
    pushes: Counter[tuple[str, ...]] = field(default_factory=Counter)
    once: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def add(self, event: Recorded[Any]) -> None:
        """Take one event."""
        of, fact = event.of, event.fact
        match fact:
            case BranchPushed():
                self.pushes[of.forge, of.project, fact.before, fact.after] += 1
            case RunQueued():
                self.runs[of.id] = RunTold(of.forge, of.project, fact.sha)
            case RunResolved():
                self.runs[of.id].taken = fact.sha
            case RunFinished():
                self.once["finished", of.id] += 1
                self.runs[of.id].ended = fact.outcome
            case RunSuperseded():
                self.once["superseded", of.id] += 1
                self.runs[of.id].ended = "superseded"
            case FunctionDeployed():
                self.once["deployed", of.forge, of.project, of.id, fact.revision] += 1
                self.runs[fact.run].live.add(fact.function)

    @property
    def going(self) -> list[str]:
        """Return the runs that have not ended."""
        return [id for id, run in self.runs.items() if not run.ended]

    @property
    def doubled(self) -> list[str]:
        """Return what the log has twice."""
        both = (*self.pushes.items(), *self.once.items())
        return [f"{' '.join(what)}: {count} times" for what, count in both if count > 1]

    def runs_of(self, forge: str, project: str, sha: str) -> int:
        """Return how many runs took a commit: with late webhooks one may take another's head."""
        runs = self.runs.values()
        return sum(
            (one.forge, one.project, one.taken or one.sha) == (forge, project, sha) for one in runs
        )

    def wanted(self) -> dict[tuple[str, str, str], tuple[str, dict[str, str]]]:
        """Return the conclusion of each commit that had a run, and of its functions; the newest.

        A commit whose run took the branch's head in its place is superseded by it.
        """
        found: dict[tuple[str, str, str], tuple[str, dict[str, str]]] = {}
        for run in self.runs.values():
            ended = OUTCOMES.get(run.ended, "failure")
            if run.taken and run.taken != run.sha:
                found[run.forge, run.project, run.sha] = "cancelled", {}
            taken = run.taken or run.sha
            found[run.forge, run.project, taken] = ended, dict.fromkeys(run.live, "success")
        return found


def told(events: Iterable[Recorded[Any]]) -> Told:
    """Return what events tell."""
    found = Told()
    for event in events:
        found.add(event)
    return found


async def of_log(home: Path) -> tuple[Told, Counter[str]]:
    """Return what the log of a running ``up`` tells, and how many facts of each kind it has."""
    async with connect(operator.settings(home), name="test") as bus:
        head = await bus.log.head()
        events = [event async for event in bus.follow.events(after=0, until=head)]
    return told(events), Counter(tag_of(event.fact).partition("/")[0] for event in events)
