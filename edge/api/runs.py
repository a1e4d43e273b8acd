"""Runs: all that one push set off, folded from the log.

Reads   every fact about a run, and the deploy facts of its functions
"""

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.function import FunctionDeployed, FunctionDeployFailed, FunctionDeployStarted
from schemas.events.run import (
    Problem,
    RunArchived,
    RunBuildFailed,
    RunBuildStarted,
    RunBuilt,
    RunCancelled,
    RunDelayed,
    RunFinished,
    RunQueued,
    RunRejected,
    RunResolved,
    RunSuperseded,
)

Outcome: TypeAlias = Literal[
    "queued",
    "building",
    "deploying",
    "live",
    "failed",
    "partly",
    "empty",
    "rejected",
    "superseded",
    "cancelled",
]
UNDER_WAY: frozenset[Outcome] = frozenset(("queued", "building", "deploying"))


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One function's way through a run; a time is when the log took the fact."""

    function: str
    language: str = ""
    archived: datetime | None = None
    build_started: datetime | None = None
    built: datetime | None = None
    cached: bool = False
    tool_ms: int = 0
    deploy_started: datetime | None = None
    deployed: datetime | None = None
    start_ms: int = 0
    revision: str = ""
    image: str = ""
    seq: int = 0  # of function.deployed
    failed: datetime | None = None
    code: str = ""
    message: str = ""
    tail: tuple[str, ...] = ()


class Run(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One run as people see it."""

    id: str
    seq: int  # of run.queued: runs are listed by it
    forge: str
    project: str
    name: str  # of the project when it was queued
    label: str
    environment: str
    generation: int
    branch: str
    sha: str
    pusher: str = ""
    outcome: Outcome = "queued"
    message: str = ""
    by: str = ""  # the run that superseded it, or who cancelled it
    asked: str = ""  # who wanted it, where no push did
    reason: str = ""  # in his words
    promotes: str = ""  # the run whose artefacts it deploys
    pull: int = 0  # the pull request that it shows; 0: none
    queued: datetime
    resolved: datetime | None = None
    ended: datetime | None = None
    parts: dict[str, Part] = {}
    waits: dict[str, str] = {}  # step and function → what is away, while it is
    warnings: tuple[Problem, ...] = ()
    problems: tuple[Problem, ...] = ()


def key(event: Recorded[Event]) -> str | None:
    """Return the run this event belongs to; None for what belongs to none."""
    if event.of.kind == "run":
        return event.of.id
    if isinstance(event.fact, FunctionDeployStarted | FunctionDeployed | FunctionDeployFailed):
        return event.fact.run
    return None


def reduce(run: Run | None, event: Recorded[Event]) -> Run | None:
    """Return the run's next row; pure."""
    fact = event.fact
    if run is None:
        return _queued(fact, event) if isinstance(fact, RunQueued) else None
    match fact:
        case RunResolved(sha=sha, functions=functions, warnings=warnings):
            parts = {name: run.parts.get(name, Part(function=name)) for name in functions}
            return msgspec.structs.replace(
                run,
                sha=sha,
                resolved=event.time,
                warnings=warnings,
                parts=run.parts | parts,
                waits=_without(run, "source"),
                outcome=_further(run, "building"),
            )
        case RunDelayed(step=step, function=function, message=message):
            return msgspec.structs.replace(run, waits=run.waits | {_of(step, function): message})
        case RunRejected() | RunSuperseded() | RunCancelled() | RunFinished():
            return _ended(run, fact, event.time)
        case _:
            return _with_part(run, event)


def _ended(
    run: Run, fact: RunRejected | RunSuperseded | RunCancelled | RunFinished, time: datetime
) -> Run:
    match fact:
        case RunRejected(sha=sha, problems=problems):
            run = msgspec.structs.replace(run, sha=sha, problems=problems, outcome="rejected")
        case RunSuperseded(by=by):
            run = msgspec.structs.replace(run, outcome="superseded", by=by)
        case RunCancelled(by=by):
            run = msgspec.structs.replace(run, outcome="cancelled", by=by)
        case RunFinished(outcome=outcome, message=message):
            # planner ends a rejected run too: what source said of it stays
            run = msgspec.structs.replace(run, outcome=outcome, message=message or run.message)
    return msgspec.structs.replace(run, ended=run.ended or time, waits={})


def _queued(fact: RunQueued, event: Recorded[Event]) -> Run:
    return Run(
        id=event.of.id,
        seq=event.seq,
        forge=event.of.forge,
        project=event.of.project,
        name=event.name or fact.repository.full_name,
        label=fact.label,
        environment=fact.environment,
        generation=fact.generation,
        branch=fact.branch,
        sha=fact.sha,
        pusher=fact.pusher,
        asked=fact.asked,
        reason=fact.reason,
        promotes=fact.promotes,
        pull=fact.pull,
        queued=event.time,
    )


def _with_part(run: Run, event: Recorded[Event]) -> Run:
    """Return the run with what this fact says of one function."""
    fact, time = event.fact, event.time
    name = getattr(fact, "function", "") or event.of.id.partition("/")[2]
    part = run.parts.get(name, Part(function=name))
    outcome: Outcome = run.outcome
    waits = run.waits
    match fact:
        case RunArchived(language=language):
            part = msgspec.structs.replace(part, archived=time, language=language)
            outcome = _further(run, "building")
        case RunBuildStarted():
            part = msgspec.structs.replace(part, build_started=time)
        case RunBuilt(cached=cached, tool_ms=tool_ms):
            part = msgspec.structs.replace(part, built=time, cached=cached, tool_ms=tool_ms)
            waits = _without(run, "builder", name)
        case FunctionDeployStarted(revision=revision):
            part = msgspec.structs.replace(part, deploy_started=time, revision=revision)
            outcome = _further(run, "deploying")
        case FunctionDeployed(revision=revision, start_ms=start_ms, image=image):
            seen = {"deployed": time, "seq": event.seq, "start_ms": start_ms}
            part = msgspec.structs.replace(part, revision=revision, image=image, **seen)
            outcome = _further(run, "deploying")
            waits = _without(run, "deployer", name)
        case RunBuildFailed(code=code, message=message, tail=tail):
            part = msgspec.structs.replace(part, failed=time, code=code, message=message, tail=tail)
            waits = _without(run, "builder", name)
        case FunctionDeployFailed(code=code, message=message):
            part = msgspec.structs.replace(part, failed=time, code=code, message=message)
            waits = _without(run, "deployer", name)
        case _:
            return run
    return msgspec.structs.replace(
        run, parts=run.parts | {name: part}, outcome=outcome, waits=waits
    )


def _of(step: str, function: str) -> str:
    return f"{step} {function}".rstrip()


def _without(run: Run, step: str, function: str = "") -> dict[str, str]:
    """Return what the run still waits for, now that this step has gone on."""
    return {of: why for of, why in run.waits.items() if of != _of(step, function)}


def _further(run: Run, outcome: Outcome) -> Outcome:
    """Return the later of the two: facts of two functions arrive in any order."""
    order: tuple[Outcome, ...] = ("queued", "building", "deploying")
    if run.outcome not in order:
        return run.outcome
    return max(run.outcome, outcome, key=order.index)
