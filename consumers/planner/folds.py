"""What the planner decides by: the folds, and how they are asked for this very moment."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog

from bus.fold import Fold
from bus.log import EventLog
from consumers.planner import claims, labels, members, names, projects
from consumers.planner.claims import Claim
from consumers.planner.labels import Labelled
from consumers.planner.members import Members
from consumers.planner.names import Named
from consumers.planner.projects import Project
from schemas import subjects
from schemas.envelope import Aggregate, Recorded
from schemas.errors import Conflict
from schemas.events import Event

TRIES: Final = 20  # decisions on one event, before it waits its turn again
T = TypeVar("T")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Folds:
    """What the planner decides by; whoever runs the planner runs these too."""

    projects: Fold[Project]
    labels: Fold[Labelled]
    claims: Fold[Claim]
    names: Fold[Named]
    members: Fold[Members]

    @classmethod
    def kept(cls, snapshots: Path | None = None) -> "Folds":
        """Return folds that keep snapshots in a folder, if given."""
        return cls(
            _fold("planner-projects", Project, projects, snapshots),
            _fold("planner-labels", Labelled, labels, snapshots),
            _fold("planner-claims", Claim, claims, snapshots),
            _fold("planner-names", Named, names, snapshots),
            _fold("planner-members", Members, members, snapshots),
        )

    def all(self) -> tuple[Fold[Any], ...]:
        """Return each of them."""
        return (self.projects, self.labels, self.claims, self.names, self.members)

    async def project(self, events: EventLog, of: Aggregate) -> tuple[Project, int]:
        """Return a project as the log has it at this moment, and the sequence that this is at."""
        await self.projects.reached(await events.last_seq(of_project(of) + ">"))
        row = self.projects.rows.get(f"{of.forge} {of.project}", Project())
        return row, self.projects.seq


def _fold(name: str, row: type[Any], module: Any, snapshots: Path | None) -> Fold[Any]:
    return Fold(name, row=row, key=module.key, reduce=module.reduce, snapshots=snapshots)


def of_project(of: Aggregate) -> str:
    """Return the prefix of all facts about the project."""
    return f"ev.{subjects.encode(of.forge)}.{subjects.encode(of.project)}."


async def again(attempt: Callable[[], Awaitable[T]], cause: Recorded[Event]) -> T:
    """Return what an attempt returns; the log moves while we decide, so try some times."""
    for _ in range(TRIES):
        try:
            return await attempt()
        except Conflict as conflict:
            log.info("moved_meanwhile", cause=cause.id, reason=str(conflict))
    raise Conflict(f"the log moved {TRIES} times while {cause.id} was decided on")
