"""Newest wins. No clock, no random, no I/O: time and ids derive from the event."""

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from consumers.planner.projects import FAILED, LIVE, OpenRun, Project
from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.branch import BranchPushed
from schemas.events.run import RunCancelled, RunFinished, RunQueued, RunSuperseded
from schemas.ids import run_id

PRODUCTION: Final = "production"
BRAKE: Final = timedelta(minutes=5)  # older runs are let finish, so that steady pushing deploys

Decision = list[tuple[str, RunQueued | RunSuperseded | RunCancelled | RunFinished]]  # with run ids


def decide(project: Project, push: Recorded[BranchPushed], label: str) -> Decision:
    """Return the push's run and those that it supersedes; nothing for one decided on before."""
    if push.seq not in project.pending:
        return []
    run = run_id(push.id, push.time)
    queued = RunQueued(
        environment=PRODUCTION,
        generation=project.generations.get(PRODUCTION, 0) + 1,
        branch=push.fact.branch,
        sha=push.fact.after,
        repository=push.fact.repository,
        label=label,
        resolve=not push.fact.continues,
        push=push.seq,
        pusher=push.fact.pusher,
    )
    return [(run, queued), *_superseded(project, PRODUCTION, by=run, at=push.time)]


def _superseded(project: Project, environment: str, *, by: str, at: datetime) -> Decision:
    """Return the ends of older runs, of those that a newer one may end."""
    return [
        (run.id, RunSuperseded(by=by))
        for run in project.open
        if run.environment == environment
        and not run.deploying
        and not run.rejected
        and at - run.queued < BRAKE
    ]


def again(project: Project, request: Recorded[Event], old: RunQueued) -> Decision:
    """Return the run that does once more what ``old`` did.

    Nothing where a newer run of its environment was queued since, as by this very request: an
    older commit would take a newer one's place. Nothing either while the run is under way.
    """
    environment = old.environment
    going_on = {run.id for run in project.open if not run.rejected}
    if request.of.id in going_on or project.generations.get(environment) != old.generation:
        return []
    run = run_id(request.id, request.time)
    queued = replace(old, generation=old.generation + 1, push=0)
    return [(run, queued), *_superseded(project, environment, by=run, at=request.time)]


def settle(project: Project) -> Decision:
    """Return the ends of the runs that have come to one."""
    ends = ((run.id, end_of(run)) for run in project.open)
    return [(run, end) for run, end in ends if end is not None]


def end_of(run: OpenRun) -> RunFinished | RunSuperseded | None:
    """Return how a run has ended, None while a function of it is under way."""
    if run.rejected:
        return RunFinished("rejected", run.rejected)
    if run.functions is None or not run.ends.keys() >= set(run.functions):
        return None
    if not run.functions:
        return RunFinished("empty", "the stack has no functions")
    ends = {name: run.ends[name] for name in run.functions}
    if newer := [end for end in ends.values() if end not in (LIVE, FAILED)]:
        return RunSuperseded(by=max(newer))
    failed = [name for name, end in ends.items() if end == FAILED]
    if not failed:
        return RunFinished("live")
    message = f"{len(failed)} of {len(ends)} functions failed: {', '.join(failed)}"
    return RunFinished("partly" if len(failed) < len(ends) else "failed", message)


def stop(project: Project, run: str, by: str) -> Decision:
    """Return the end of one run that somebody cancels; one that deploys is let finish."""
    return [
        (each.id, RunCancelled(by=by))
        for each in project.open
        if each.id == run and not each.deploying and not each.rejected
    ]


def expire(project: Project, run: str, due: datetime) -> Decision:
    """Return the end of a run whose time is over: whatever it waited for has not come."""
    return [
        (each.id, RunFinished("failed", f"timed out after {_span(due - each.queued)}"))
        for each in project.open
        if each.id == run
    ]


def _span(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    return f"{minutes // 60} h" if minutes >= 60 else f"{span.total_seconds():.0f} s"


def cancel(project: Project, by: str) -> Decision:
    """Return the ends of all open runs of a project that is gone."""
    return [(run.id, RunCancelled(by=by)) for run in project.open]
