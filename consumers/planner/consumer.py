"""Planner: decide which runs there are, whose a function's name is, and when a run has ended.

Reads   branch.pushed/1, run.resolved/1, run.rejected/1, run.build-failed/1, function.deployed/1,
        function.deploy-failed/1, project.removed/1, run.cancel-requested/1,
        run.rerun-requested/1, timer.fired/1
Writes  run.queued/1, run.superseded/1, run.cancelled/1, run.finished/1, tenant.labelled/1,
        function.claimed/1
Calls   nobody
Twice   is harmless: it decides by what the log says, each batch is guarded by what it was
        decided on, and a push that has its run is no longer pending
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, TypeVar

import msgspec
import structlog

from bus.fold import Fold
from bus.log import Draft, EventLog, Guard
from consumers.planner import claims, labels, projects
from consumers.planner.claims import Claim
from consumers.planner.decide import Decision, again, cancel, decide, expire, settle, stop
from consumers.planner.labels import Labelled
from consumers.planner.projects import OpenRun, Project
from schemas import subjects
from schemas.envelope import Aggregate, Recorded, tenant
from schemas.errors import Conflict
from schemas.events import Event
from schemas.events.branch import BranchPushed
from schemas.events.function import FunctionClaimed, FunctionDeployed, FunctionDeployFailed
from schemas.events.project import ProjectRemoved
from schemas.events.run import (
    RunBuildFailed,
    RunCancelRequested,
    RunFinished,
    RunQueued,
    RunRejected,
    RunRerunRequested,
    RunResolved,
)
from schemas.events.tenant import TenantLabelled
from schemas.events.timer import TimerFired
from schemas.ids import event_id

log = structlog.get_logger(__name__)

LABELLED: Final = "ev.*.=.tenant.*.labelled"
CLAIMED: Final = "ev.*.*.function.*.claimed"
T = TypeVar("T")

TRIES: Final = 20  # decisions on one event, before it waits its turn again


@dataclass(frozen=True, slots=True)
class Folds:
    """What the planner decides by; whoever runs the planner runs these too."""

    projects: Fold[Project]
    labels: Fold[Labelled]
    claims: Fold[Claim]

    @classmethod
    def kept(cls, snapshots: Path | None = None) -> "Folds":
        """Return folds that keep snapshots in a folder, if given."""
        return cls(
            _fold("planner-projects", Project, projects, snapshots),
            _fold("planner-labels", Labelled, labels, snapshots),
            _fold("planner-claims", Claim, claims, snapshots),
        )

    def all(self) -> tuple[Fold[Any], ...]:
        """Return each of them."""
        return (self.projects, self.labels, self.claims)


def _fold(name: str, row: type[Any], module: Any, snapshots: Path | None) -> Fold[Any]:
    return Fold(name, row=row, key=module.key, reduce=module.reduce, snapshots=snapshots)


@dataclass(frozen=True, slots=True)
class Planner:
    """A worker; ``bus/work`` calls ``handle``."""

    events: EventLog
    folds: Folds
    places: int = 16
    durable: ClassVar[str] = "planner"
    reads: ClassVar = (
        BranchPushed,
        RunResolved,
        RunRejected,
        RunBuildFailed,
        FunctionDeployed,
        FunctionDeployFailed,
        ProjectRemoved,
        RunCancelRequested,
        RunRerunRequested,
        TimerFired,
    )
    begins: ClassVar[Literal["first", "now"]] = "first"

    def key(self, event: Recorded[Event]) -> str:
        """Return the project."""
        return f"{event.of.forge} {event.of.project}"

    async def handle(self, event: Recorded[Event]) -> None:
        """Decide what follows from one event."""
        match event.fact:
            case BranchPushed(branch=branch, repository=repository):
                if branch == repository.default_branch:
                    await self._pushed(event)
            case RunResolved():
                await _again(partial(self._claim, event), event)
                await self._write(event, settle)
            case ProjectRemoved():
                await self._write(event, partial(cancel, by=event.actor or self.durable))
            case RunCancelRequested():
                by = event.actor or self.durable
                await self._write(event, partial(stop, run=event.of.id, by=by))
            case RunRerunRequested():
                await self._rerun(event)
            case TimerFired(purpose=purpose, about=run, due=due):
                if purpose == "run-timeout":
                    await self._write(event, partial(expire, run=run, due=due))
            case _:
                await self._write(event, settle)

    async def _rerun(self, request: Recorded[Event]) -> None:
        """Queue a run of the same commit: of the one that source found, if it had to ask."""
        queued = await self.events.last(request.of, RunQueued)
        if queued is None:
            return
        resolved = await self.events.last(request.of, RunResolved)
        sha = resolved.fact.sha if resolved else queued.fact.sha
        old = msgspec.structs.replace(
            queued.fact, sha=sha, resolve=queued.fact.resolve and resolved is None
        )
        await self._write(request, partial(again, request=request, old=old))

    async def _pushed(self, event: Recorded[Event]) -> None:
        """Queue the push's run, after those of older pushes that were not decided on yet."""
        project = await self._current(event.of)
        for seq in [seq for seq in project.pending if seq <= event.seq]:
            push: Recorded[Any] = event if seq == event.seq else await self.events.get(seq)
            label = await _again(partial(self._label, push), push)
            await self._write(push, partial(decide, push=push, label=label))

    async def _current(self, of: Aggregate) -> Project:
        """Return the project as the log has it at this moment."""
        await self.folds.projects.reached(await self.events.last_seq(_of_project(of) + ">"))
        return self.folds.projects.rows.get(f"{of.forge} {of.project}", Project())

    async def _write(self, cause: Recorded[Event], decide: Callable[[Project], Decision]) -> None:
        """Append what is decided; decide again when the project has moved meanwhile."""

        async def attempt() -> None:
            project = await self._current(cause.of)
            drafts = [self._draft(cause, project, run, fact) for run, fact in decide(project)]
            if drafts:
                await self.events.append_all(drafts, cause=cause, actor=self.durable)

        await _again(attempt, cause)

    def _draft(self, cause: Recorded[Event], project: Project, run: str, fact: Event) -> Draft:
        """Return a fact guarded by what it was decided on."""
        of = msgspec.structs.replace(cause.of, kind="run", id=run)
        if isinstance(fact, RunQueued):
            guard = Guard(_of_project(of) + "run.*.queued", project.queued)
            return Draft(fact, of, event_id(self.durable, cause.id, fact), guard)
        seq = next(open.seq for open in project.open if open.id == run)
        id = event_id(self.durable, cause.id, fact, run)
        return Draft(fact, of, id, Guard(subjects.history(of), seq))

    async def _label(self, push: Recorded[BranchPushed]) -> str:
        """Return the tenant's label; allot one to a tenant that has none."""
        owner = push.fact.repository.owner
        of, rows = tenant(push.of.forge, owner), self.folds.labels.rows
        if found := rows.get(labels.key_of(of)):
            return found.label
        seq = await self.events.last_seq(LABELLED)
        await self.folds.labels.reached(seq)
        if found := rows.get(labels.key_of(of)):
            return found.label
        fact = TenantLabelled(labels.allot(owner, {row.label for row in rows.values()}))
        id, guard = event_id(self.durable, push.id, fact), Guard(LABELLED, seq)
        await self.events.append(
            fact, of=of, id=id, cause=push, actor=self.durable, name=owner, guard=guard
        )
        return fact.label

    async def _claim(self, resolved: Recorded[Event]) -> None:
        """Claim the run's names; reject the run when one of them is somebody else's."""
        seq = await self.events.last_seq(CLAIMED)
        await self.folds.claims.reached(seq)
        project = await self._current(resolved.of)
        run = next((run for run in project.open if run.id == resolved.of.id), None)
        if run is None:
            return
        wanted, refusal = claims.missing(self.folds.claims.rows, run, resolved.of)
        if refusal:
            fact = RunFinished("rejected", refusal)
            drafts = [self._draft(resolved, project, run.id, fact)]
        else:
            guard = Guard(CLAIMED, seq)
            drafts = [self._claimed(resolved, run, name) for name in wanted]
            drafts[:1] = [msgspec.structs.replace(first, guard=guard) for first in drafts[:1]]
        if drafts:
            await self.events.append_all(drafts, cause=resolved, actor=self.durable)

    def _claimed(self, resolved: Recorded[Event], run: OpenRun, function: str) -> Draft:
        place = f"{run.environment}/{function}"
        of = msgspec.structs.replace(resolved.of, kind="function", id=place)
        fact = FunctionClaimed(run.label, function)
        return Draft(fact, of, event_id(self.durable, resolved.id, fact, function))


def _of_project(of: Aggregate) -> str:
    """Return the prefix of all facts about the project."""
    return f"ev.{subjects.encode(of.forge)}.{subjects.encode(of.project)}."


async def _again(attempt: Callable[[], Awaitable[T]], cause: Recorded[Event]) -> T:
    """Return what an attempt returns; the log moves while we decide, so try some times."""
    for _ in range(TRIES):
        try:
            return await attempt()
        except Conflict as conflict:
            log.info("moved_meanwhile", cause=cause.id, reason=str(conflict))
    raise Conflict(f"the log moved {TRIES} times while {cause.id} was decided on")
