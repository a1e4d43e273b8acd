"""Newest wins. No clock, no random, no I/O: time and ids derive from the event."""

from datetime import datetime, timedelta
from typing import Any, Final

from msgspec.structs import replace

from consumers.planner.previews import LIMITS, Limits
from consumers.planner.projects import FAILED, LIVE, OpenRun, Project
from consumers.planner.wishes import Wish, wish
from schemas.envelope import Recorded
from schemas.environments import PRODUCTION, is_preview, of_pull
from schemas.events import Event
from schemas.events.environment import (
    EnvironmentClosed,
    EnvironmentOpened,
    EnvironmentRefused,
    EnvironmentRenewed,
    Reason,
)
from schemas.events.pull import PullClosed, PullHeld
from schemas.events.run import RunCancelled, RunFinished, RunQueued, RunSuperseded
from schemas.events.timer import TimerFired
from schemas.ids import run_id

BRAKE: Final = timedelta(minutes=5)  # older runs are let finish, so that steady pushing deploys

BY: Final = "planner"

Decision = list[tuple[str, Event]]  # with the ids of the runs, environments … they are about


def decide(project: Project, cause: Recorded[Any], label: str, limits: Limits = LIMITS) -> Decision:
    """Return the run of a push, and what it supersedes; nothing for one decided on before.

    A preview is opened, or stays longer, with each run; where it may not, it is refused. A commit
    of a fork is held until somebody has approved it.
    """
    if cause.seq not in project.pending:
        return []
    want = wish(project, cause)
    if want.wanted and want.held:
        held = PullHeld(
            number=want.pull,
            sha=want.sha,
            repository=want.repository,
            author=want.pusher,
            environment=want.environment,
            push=cause.seq,
        )
        return [(str(want.pull), held)]
    if why := _refusal(project, want, limits):
        refused = EnvironmentRefused(
            branch=want.branch,
            sha=want.sha,
            reason=why,
            push=cause.seq,
            pull=want.pull,
            repository=want.repository,
        )
        return [(want.environment, refused)]
    run, environment = run_id(cause.id, cause.time), want.environment
    queued = RunQueued(
        environment=environment,
        generation=project.generations.get(environment, 0) + 1,
        branch=want.branch,
        sha=want.sha,
        repository=want.repository,
        label=label,
        resolve=want.resolve,
        push=cause.seq,
        pusher=want.pusher,
        pull=want.pull,
        ref=want.ref,
    )
    return [
        (run, queued),
        *used(project, queued, cause, limits),
        *superseded(project, environment, by=run, at=cause.time),
    ]


def used(project: Project, queued: RunQueued, cause: Recorded[Any], limits: Limits) -> Decision:
    """Return that a run's preview is open, and for how long; nothing for production."""
    environment = queued.environment
    if environment == PRODUCTION:
        return []
    until = cause.time + project.rules.previews.life(limits.days)
    if environment in project.previews:
        return [(environment, EnvironmentRenewed(until, cause.seq))]
    return [(environment, EnvironmentOpened(queued.branch, until, cause.seq, queued.pull))]


def _refusal(project: Project, want: Wish, limits: Limits) -> str:
    """Return why there is no run, "" when there is one."""
    if not want.wanted:
        what = f"pull request {want.pull} was closed" if want.pull else "it was turned off"
        return f"no preview of {want.branch} is wanted any more: {what} meanwhile"
    if want.environment == PRODUCTION:
        return ""
    there = project.previews.get(want.environment)
    if there is None and len(project.previews) >= limits.previews:
        return (
            f"there are {len(project.previews)} previews already, as many as there may be "
            "(pushline previews rm ends one)"
        )
    if there is not None and (there.branch, there.pull) != (want.branch, want.pull):
        return f"the branch {there.branch} has the name {want.environment} already"
    return ""


def superseded(project: Project, environment: str, *, by: str, at: datetime) -> Decision:
    """Return the ends of older runs, of those that a newer one may end."""
    return [
        (run.id, RunSuperseded(by=by))
        for run in project.open
        if run.environment == environment
        and not run.deploying
        and not run.rejected
        and at - run.queued < BRAKE
    ]


def again(
    project: Project, request: Recorded[Event], old: RunQueued, limits: Limits = LIMITS
) -> Decision:
    """Return the run that does once more what ``old`` did.

    Nothing where a newer run of its environment was queued since, as by this very request: an
    older commit would take a newer one's place. Nothing either while the run is under way, or in
    a preview that was closed.
    """
    environment = old.environment
    if is_preview(environment) and environment not in project.previews:
        return []
    going_on = {run.id for run in project.open if not run.rejected}
    if request.of.id in going_on or project.generations.get(environment) != old.generation:
        return []
    run = run_id(request.id, request.time)
    queued = replace(old, generation=old.generation + 1, push=0, asked=request.actor)
    return [
        (run, queued),
        *used(project, queued, request, limits),
        *superseded(project, environment, by=run, at=request.time),
    ]


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


def close(project: Project, cause: Recorded[Any], environment: str, reason: Reason) -> Decision:
    """Return the end of a preview, and of all runs in it.

    Nothing for one that is not open, or was used for something newer than what would end it.
    """
    preview = project.previews.get(environment)
    if preview is None or preview.push > cause.seq:
        return []
    by = cause.actor or BY
    runs = [run.id for run in project.open if run.environment == environment]
    closed = EnvironmentClosed(reason, by)
    return [(environment, closed), *((run, RunCancelled(by=by)) for run in runs)]


def close_idle(project: Project, cause: Recorded[Any], name: str) -> Decision:
    """Return the end of a preview whose branch the forge does not have, unless a run goes on."""
    if any(run.environment == name for run in project.open):
        return []
    return close(project, cause, name, "branch-deleted")


def close_pull(project: Project, cause: Recorded[Any], closed: PullClosed) -> Decision:
    """Return the end of a pull request's preview; nothing where it was opened again since."""
    pull = project.pulls.get(closed.number)
    if pull is None or not pull.closed:
        return []
    return close(project, cause, of_pull(closed.number), "pull-closed")


def expire_preview(project: Project, cause: Recorded[Any], fired: TimerFired) -> Decision:
    """Return the end of a preview that nobody has used since."""
    preview = project.previews.get(fired.about)
    if preview is None or preview.until > fired.due:
        return []
    return close(project, cause, fired.about, "expired")


def remove(project: Project, cause: Recorded[Any]) -> Decision:
    """Return the ends of all open runs and previews of a project that is gone."""
    by = cause.actor or BY
    ends: Decision = [(run.id, RunCancelled(by=by)) for run in project.open]
    for name, preview in project.previews.items():
        if preview.push < cause.seq:
            ends.append((name, EnvironmentClosed("project-removed", by)))
    return ends
