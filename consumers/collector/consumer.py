"""Collector: what nobody wants any more is announced, and goes when its time has come.

Reads   ends of runs, environment.closed/1, branch.deleted/1, project.removed/1,
        project.installed/1, tenant.uninstalled/1, tenant.installed/1, collection.cancelled/1,
        timer.fired/1
Writes  collection.planned/1, collection.cancelled/1, function.removed/1, secret.removed/1,
        secret.unwanted/1
Calls   Evidence: the forge, before what a whole project has goes
Twice   is harmless: it compares what stands with what is wanted, and its facts are guarded by
        all that the log says of the project

What runs is ended by the deployer's reconciler, which knows of function.removed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

import msgspec
import structlog

from bus.fold import Fold
from bus.log import Draft, EventLog, Guard
from consumers.collector import standing, tenants
from consumers.collector.decide import GRACE, Step, decide, shut
from consumers.collector.evidence import Evidence, ForgeSilent
from consumers.collector.standing import Gone, Project, key_of
from schemas import subjects
from schemas.envelope import Aggregate, Recorded
from schemas.errors import Conflict
from schemas.events import Event
from schemas.events.branch import BranchDeleted
from schemas.events.collection import CollectionCancelled
from schemas.events.environment import EnvironmentClosed
from schemas.events.function import FunctionRemoved
from schemas.events.project import ProjectInstalled, ProjectRemoved
from schemas.events.run import RunCancelled, RunFinished, RunSuperseded
from schemas.events.secret import SecretRemoved, SecretUnwanted
from schemas.events.tenant import TenantInstalled, TenantUninstalled
from schemas.events.timer import TimerFired
from schemas.ids import event_id, tag_of

PURPOSE: Final = "collection"  # of a timer
TRIES: Final = 20  # decisions on one event, before it waits its turn again
BATCH: Final = 200  # facts at a time
REMOVALS: Final = (FunctionRemoved, SecretRemoved, SecretUnwanted)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Folds:
    """What the collector decides by; whoever runs it runs these too."""

    projects: Fold[Project]
    tenants: Fold[Gone]

    @classmethod
    def kept(cls, snapshots: Path | None = None) -> "Folds":
        """Return folds that keep snapshots in a folder, if given."""
        return cls(standing.fold(snapshots), tenants.fold(snapshots))

    def all(self) -> tuple[Fold[Any], ...]:
        """Return each of them."""
        return (self.projects, self.tenants)

    def tenant_of(self, project: Project) -> Gone | None:
        """Return why nothing of a project's tenant is wanted, None while it lets us in."""
        return self.tenants.rows.get(tenants.key_of(project.forge, project.owner))


@dataclass(frozen=True, slots=True)
class Collector:
    """A worker; ``bus/work`` calls ``handle``."""

    events: EventLog
    folds: Folds
    evidence: Evidence
    grace: timedelta = GRACE
    places: int = 4
    durable: ClassVar[str] = "collector"
    reads: ClassVar = (
        RunFinished,
        RunCancelled,
        RunSuperseded,
        EnvironmentClosed,
        BranchDeleted,
        ProjectRemoved,
        ProjectInstalled,
        TenantUninstalled,
        TenantInstalled,
        CollectionCancelled,
        TimerFired,
    )
    begins: ClassVar[Literal["first", "now"]] = "now"

    def key(self, event: Recorded[Event]) -> str:
        """Return the project, or the tenant."""
        return key_of(event.of.forge, event.of.project or event.of.id)

    async def handle(self, event: Recorded[Event]) -> None:
        """Compare the projects that a fact is about."""
        if isinstance(event.fact, TimerFired) and event.fact.purpose != PURPOSE:
            return
        await self._reached(event.seq)
        now = event.time
        if isinstance(event.fact, TimerFired):  # by the clock of whoever wrote it
            now = max(now, event.fact.due)
        for key in self._concerned(event):
            await self.settle(key, now, event)

    def _concerned(self, event: Recorded[Event]) -> list[str]:
        of, projects = event.of, self.folds.projects.rows
        if of.project:
            return [key_of(of.forge, of.project)]
        return [
            key
            for key, one in projects.items()
            if (one.forge, one.owner) == (of.forge, of.id.lower())
        ]

    async def settle(
        self, key: str, now: datetime, event: Recorded[Event] | None = None
    ) -> list[Step]:
        """Record what follows from how a project stands; return it.

        ``event`` is what had us look, None for the clock. Raises ForgeSilent.
        """
        done: list[Step] = []
        for _ in range(TRIES):
            project = self.folds.projects.rows.get(key)
            if project is None:
                return done
            over = _all_of(project)
            seq = await self.events.last_seq(over)
            await self._reached(seq)
            project = self.folds.projects.rows[key]
            tenant = self.folds.tenant_of(project)
            steps = decide(project, tenant, now, self.grace)[:BATCH]
            if steps:
                steps = await self._confirmed(project, tenant, steps)
            if not steps:
                return done
            if await self._record(project, steps, Guard(over, seq), event):
                done += steps
        raise Conflict(f"the history of {key} does not stand still")

    async def _reached(self, seq: int) -> None:
        for fold in self.folds.all():
            await fold.reached(seq)

    async def _confirmed(
        self, project: Project, tenant: Gone | None, steps: list[Step]
    ) -> list[Step]:
        """Return the steps that the forge does not contradict."""
        whole = shut(project, tenant)
        going = [one for one in steps if isinstance(one.fact, REMOVALS)]
        if whole is None or not going:
            return steps
        answer = await self.evidence.stands(project.forge, project.id, project.name)
        if answer == "unknown":
            raise ForgeSilent(f"{project.forge} does not say whether {project.name} is there")
        if answer == "no":
            return steps
        log.warning("forge_contradicts", project=project.name, because=whole.seq)
        reason = f"{project.forge} says that the repository is open to us"
        return [one for one in steps if one not in going] + [
            Step("collection", one.id, CollectionCancelled(one.because, reason), one.because)
            for one in going
            if isinstance(one.fact, FunctionRemoved)
        ]

    async def _record(
        self,
        project: Project,
        steps: list[Step],
        guard: Guard,
        event: Recorded[Event] | None,
    ) -> bool:
        """Append the facts together; False when the project has moved meanwhile."""
        cause = event or await self.events.get(steps[0].because)
        drafts = [
            Draft(
                step.fact,
                Aggregate(project.forge, project.id, step.kind, step.id),
                event_id(self.durable, cause.id, step.fact, project.id, step.kind, step.id),
            )
            for step in steps
        ]
        drafts[0] = msgspec.structs.replace(drafts[0], guard=guard)
        try:
            await self.events.append_all(drafts, cause=cause, actor=self.durable, name=project.name)
        except Conflict as conflict:
            log.info("moved_meanwhile", project=project.name, reason=str(conflict))
            return False
        for step in steps:
            log.info(tag_of(step.fact), project=project.name, what=step.id)
        return True


def _all_of(project: Project) -> str:
    """Return the filter of all that the log says of a project."""
    return f"ev.{subjects.encode(project.forge)}.{subjects.encode(project.id)}.>"
