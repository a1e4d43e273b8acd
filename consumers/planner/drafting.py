"""Drafting: what is decided becomes facts under stable ids, guarded by what it was decided on."""

from dataclasses import dataclass

from msgspec.structs import replace

from bus.log import Draft, EventLog, Guard
from consumers.planner.decide import BY, Decision
from consumers.planner.folds import of_project
from consumers.planner.projects import Project
from schemas import subjects
from schemas.envelope import Aggregate, Recorded
from schemas.errors import Conflict
from schemas.events import Event
from schemas.events.run import RunBuilt, RunQueued, RunResolved
from schemas.ids import event_id, tag_of


@dataclass(frozen=True, slots=True)
class Drafting:
    """A decision on a project as it was ``at`` a sequence."""

    events: EventLog
    cause: Recorded[Event]
    project: Project
    at: int

    async def drafts(self, decision: Decision) -> list[Draft]:
        """Return the decision's facts; raises Conflict where something has moved meanwhile."""
        return [await self._draft(id, fact) for id, fact in decision]

    async def _draft(self, id: str, fact: Event) -> Draft:
        of = replace(self.cause.of, kind=tag_of(fact).partition(".")[0], id=id)
        match fact:
            case RunQueued():
                guard = Guard(of_project(of) + "run.*.queued", self.project.queued)
                return Draft(fact, of, event_id(BY, self.cause.id, fact), guard)
            case RunResolved():  # of a run that is queued in the same batch
                return Draft(fact, of, event_id(BY, self.cause.id, fact))
            case RunBuilt(function=function):
                return Draft(fact, of, event_id(BY, self.cause.id, fact, function))
        history = subjects.history(of)
        guard = Guard(history, await self._last(of, history))
        return Draft(fact, of, event_id(BY, self.cause.id, fact, id), guard)

    async def _last(self, of: Aggregate, history: str) -> int:
        """Return the newest fact that the decision knew of."""
        if of.kind == "run":
            return next(run.seq for run in self.project.open if run.id == of.id)
        # what is closed stands in no row: the log is asked, which may be ahead of the decision
        seq = await self.events.last_seq(history)
        if seq > self.at:
            raise Conflict(f"{of.kind} {of.id} has moved meanwhile")
        return seq
