"""Planner: decide which runs and previews there are, whose a name is, and when a run has ended.

Reads   branch.pushed/1, branch.deleted/1, pull.opened/1, pull.updated/1, pull.closed/1,
        pull.approved/1, run.resolved/1, run.rejected/1, run.build-failed/1,
        function.deployed/1, function.deploy-failed/1, project.removed/1, timer.fired/1, and
        what people ask for: run.cancel-requested/1, run.rerun-requested/1,
        environment.promote-requested/1, environment.close-requested/1,
        function.rollback-requested/1; tenant.renamed/1
Writes  run.queued/1, run.superseded/1, run.cancelled/1, run.finished/1, tenant.labelled/1,
        function.claimed/1, environment.opened/1, environment.renewed/1, environment.refused/1,
        environment.closed/1, pull.held/1, project.renamed/1, tenant.member-set/1; of recorded
        artefacts run.resolved/1 and run.built/1
Calls   nobody
Twice   is harmless: it decides by what the log says, each batch is guarded by what it was
        decided on, and a push that has its run is no longer pending
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import msgspec
import structlog

from bus.log import EventLog
from consumers.planner import artefacts, naming, renames
from consumers.planner.decide import (
    BY,
    Decision,
    again,
    close,
    close_idle,
    close_pull,
    decide,
    expire,
    expire_preview,
    remove,
    settle,
    stop,
)
from consumers.planner.drafting import Drafting
from consumers.planner.folds import Folds
from consumers.planner.folds import again as trying
from consumers.planner.previews import LIMITS, Limits
from consumers.planner.projects import Project
from consumers.planner.wishes import wish
from schemas.envelope import Recorded
from schemas.environments import of_branch
from schemas.events import Event
from schemas.events.branch import BranchDeleted, BranchPushed
from schemas.events.environment import (
    EnvironmentCloseRequested,
    EnvironmentPromoteRequested,
    Reason,
)
from schemas.events.function import (
    FunctionDeployed,
    FunctionDeployFailed,
    FunctionRollbackRequested,
)
from schemas.events.project import ProjectRemoved
from schemas.events.pull import PullApproved, PullClosed, PullOpened, PullUpdated
from schemas.events.run import (
    RunBuildFailed,
    RunCancelRequested,
    RunFinished,
    RunQueued,
    RunRejected,
    RunRerunRequested,
    RunResolved,
)
from schemas.events.tenant import TenantRenamed
from schemas.events.timer import TimerFired
from schemas.ids import run_id

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Planner:
    """A worker; ``bus/work`` calls ``handle``."""

    events: EventLog
    folds: Folds
    limits: Limits = LIMITS
    places: int = 16
    durable: ClassVar[str] = BY
    reads: ClassVar = (
        BranchPushed,
        BranchDeleted,
        PullOpened,
        PullUpdated,
        PullApproved,
        PullClosed,
        RunResolved,
        RunRejected,
        RunBuildFailed,
        FunctionDeployed,
        FunctionDeployFailed,
        ProjectRemoved,
        RunCancelRequested,
        RunRerunRequested,
        EnvironmentPromoteRequested,
        EnvironmentCloseRequested,
        FunctionRollbackRequested,
        TimerFired,
        TenantRenamed,
    )
    begins: ClassVar[Literal["first", "now"]] = "first"

    def key(self, event: Recorded[Event]) -> str:
        """Return the project."""
        return f"{event.of.forge} {event.of.project}"

    async def handle(self, event: Recorded[Event]) -> None:
        """Decide what follows from one event."""
        match event.fact:
            case BranchPushed() | PullOpened() | PullUpdated() | PullApproved():
                await self._pending(event)
            case RunResolved():
                await trying(partial(self._claim, event), event)
                await self._write(event, settle)
            case RunRejected(code="branch_gone"):
                await self._write(event, settle)
                await self._branch_gone(event)
            case RunRerunRequested():
                await self._rerun(event)
            case TenantRenamed(to=to):
                await trying(partial(renames.follow, self.events, self.folds, event, to), event)
            case EnvironmentPromoteRequested() | FunctionRollbackRequested() as asked:
                queued = await artefacts.asked(self.events, event, asked)
                if queued is not None:
                    await self._deploy_again(event, queued)
            case _:
                await self._write(event, _following(event))

    async def _branch_gone(self, rejected: Recorded[Event]) -> None:
        """Close a preview that a push has opened which came after its branch's end."""
        queued = await self.events.last(rejected.of, RunQueued)
        if queued is not None:
            environment = queued.fact.environment
            await self._write(rejected, partial(close_idle, cause=rejected, name=environment))

    async def _rerun(self, request: Recorded[Event]) -> None:
        """Queue a run of the same commit: of the one that source found, if it had to ask."""
        queued = await self.events.last(request.of, RunQueued)
        if queued is None:
            return
        if queued.fact.artefacts:
            old = msgspec.structs.replace(queued.fact, asked=request.actor)
            await self._deploy_again(request, old, after=queued.fact.generation)
            return
        resolved = await self.events.last(request.of, RunResolved)
        sha = resolved.fact.sha if resolved else queued.fact.sha
        old = msgspec.structs.replace(
            queued.fact, sha=sha, resolve=queued.fact.resolve and resolved is None
        )
        await self._write(request, partial(again, request=request, old=old, limits=self.limits))

    async def _deploy_again(
        self, request: Recorded[Event], queued: RunQueued, *, after: int | None = None
    ) -> None:
        """Queue the run of recorded artefacts, once; only as the next ``after`` a generation."""
        found = await artefacts.deployed(self.events, request.of, queued.artefacts)
        run = msgspec.structs.replace(request.of, kind="run", id=run_id(request.id, request.time))
        if not found or await self.events.last(run, RunQueued) is not None:
            return

        def decided(project: Project) -> Decision:
            if after is not None and project.generations.get(queued.environment) != after:
                return []
            return artefacts.deploy_again(project, request, queued, found)

        await self._write(request, decided)

    async def _pending(self, event: Recorded[Event]) -> None:
        """Decide on a push, after older ones of the project that were not decided on yet."""
        project, _ = await self.folds.project(self.events, event.of)
        for seq in [seq for seq in project.pending if seq <= event.seq]:
            push: Recorded[Any] = event if seq == event.seq else await self.events.get(seq)
            owner = wish(project, push).repository.owner
            named = partial(naming.label_of, self.events, self.folds, push, owner)
            label = await trying(named, push)
            await self._write(push, partial(decide, cause=push, label=label, limits=self.limits))

    async def _write(self, cause: Recorded[Event], decide: Callable[[Project], Decision]) -> None:
        """Append what is decided; decide again when the project has moved meanwhile."""

        async def attempt() -> None:
            project, at = await self.folds.project(self.events, cause.of)
            drafting = Drafting(self.events, cause, project, at)
            found = await drafting.drafts(decide(project))
            if found:
                await self.events.append_all(found, cause=cause, actor=self.durable)

        await trying(attempt, cause)

    async def _claim(self, resolved: Recorded[Event]) -> None:
        """Claim the run's names; reject the run when one of them is somebody else's."""
        project, at = await self.folds.project(self.events, resolved.of)
        run = next((run for run in project.open if run.id == resolved.of.id), None)
        if run is None:
            return
        found, refusal = await naming.claimable(self.events, self.folds, resolved, run)
        if refusal:
            end: Decision = [(run.id, RunFinished("rejected", refusal))]
            found = await Drafting(self.events, resolved, project, at).drafts(end)
        if found:
            await self.events.append_all(found, cause=resolved, actor=self.durable)


def _following(event: Recorded[Event]) -> Callable[[Project], Decision]:
    """Return what decides on what follows from an event that needs nothing else to be read."""
    match event.fact:
        case RunCancelRequested():
            return partial(stop, run=event.of.id, by=event.actor or Planner.durable)
        case TimerFired() as fired:
            return _due(event, fired)
        case ProjectRemoved():
            return partial(remove, cause=event)
        case fact:
            return _gone(event, fact) or settle


def _gone(event: Recorded[Event], fact: Event) -> Callable[[Project], Decision] | None:
    """Return what ends a preview, None where the event says no such thing."""
    match fact:
        case BranchDeleted(branch=branch):
            return _closing(event, of_branch(branch), "branch-deleted")
        case PullClosed() as closed:
            return partial(close_pull, cause=event, closed=closed)
        case EnvironmentCloseRequested():
            return _closing(event, event.of.id, "asked")
        case _:
            return None


def _closing(event: Recorded[Event], environment: str, reason: Reason) -> Callable[..., Decision]:
    return partial(close, cause=event, environment=environment, reason=reason)


def _due(event: Recorded[Event], fired: TimerFired) -> Callable[[Project], Decision]:
    if fired.purpose == "run-timeout":
        return partial(expire, run=fired.about, due=fired.due)
    if fired.purpose == "preview-expiry":
        return partial(expire_preview, cause=event, fired=fired)
    return lambda _: []
