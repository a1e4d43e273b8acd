"""A commit's standing after one more fact. Pure."""

from typing import Any, Final

from msgspec.structs import replace

from consumers.status.standing import FunctionStanding, Stage, Standing, State
from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.environment import EnvironmentRefused
from schemas.events.function import FunctionDeployed, FunctionDeployFailed, FunctionDeployStarted
from schemas.events.pull import PullClosed, PullHeld
from schemas.events.run import (
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
from schemas.repository import Repository

ENDED: Final = ("live", "build-failed", "deploy-failed", "stopped")


def held(event: Recorded[Any], fact: PullHeld) -> Standing:
    """Return how a fork's commit stands that nobody has approved yet."""
    return Standing(
        forge=event.of.forge,
        project=event.of.project,
        environment=fact.environment,
        sha=fact.sha,
        repository=fact.repository,
        state="held",
        pull=fact.number,
        pusher=fact.author,
        seq=event.seq,
    )


def refused(event: Recorded[Any], fact: EnvironmentRefused, repository: Repository) -> Standing:
    """Return how a commit stands that gets no preview."""
    return Standing(
        forge=event.of.forge,
        project=event.of.project,
        environment=event.of.id,
        sha=fact.sha,
        repository=repository,
        state="refused",
        branch=fact.branch,
        pull=fact.pull,
        message=fact.reason,
        seq=event.seq,
    )


def queued(event: Recorded[Any], fact: RunQueued) -> Standing:
    """Return how a commit stands that has a run now."""
    return Standing(
        forge=event.of.forge,
        project=event.of.project,
        environment=fact.environment,
        sha=fact.sha,
        repository=fact.repository,
        state="queued",
        label=fact.label,
        run=event.of.id,
        generation=fact.generation,
        branch=fact.branch,
        pull=fact.pull,
        pusher=fact.pusher,
        asked=fact.asked,
        reason=fact.reason,
        promotes=fact.promotes,
        again=bool(fact.artefacts),
        queued=event.time,
        seq=event.seq,
    )


def moved(at: Standing, event: Recorded[Any]) -> Standing:
    """Return how a commit stands whose run took another commit, the head of its branch."""
    taken = event.fact.sha
    at = replace(at, finished=event.time, seq=event.seq, moved=taken)
    return _stopped(at, "superseded", taken)


def turned(at: Standing, event: Recorded[Event]) -> Standing:
    """Return the standing after a fact about its run."""
    match event.fact:
        case (
            RunArchived()
            | RunBuildStarted()
            | RunBuilt()
            | RunBuildFailed()
            | FunctionDeployStarted()
            | FunctionDeployed()
            | FunctionDeployFailed()
        ):
            return _function(replace(at, delayed="", seq=event.seq), event)
        case RunDelayed(step=step, message=message):
            waits = "" if at.over else f"{step}: {message}"
            return replace(at, delayed=waits, seq=event.seq)
        case PullClosed() if at.state == "held":
            return replace(at, state="cancelled", by="", finished=event.time, seq=event.seq)
        case _:
            return _run(at, event)


def _run(at: Standing, event: Recorded[Event]) -> Standing:
    match event.fact:
        case RunResolved(sha=sha, functions=names, warnings=warnings):
            known = {one.name: one for one in at.functions}
            functions = tuple(known.get(name, FunctionStanding(name=name)) for name in names)
            at = replace(at, sha=sha, resolved=event.time, warnings=warnings, functions=functions)
            at = replace(at, state=at.state if at.over else "building", delayed="")
        case RunRejected(problems=problems, code=code):
            at = replace(at, problems=problems, code=code, delayed="")
        case RunFinished(outcome=outcome, message=message):
            at = replace(at, finished=event.time, message=message)
            at = _stopped(at, outcome, at.by)
        case RunSuperseded(by=by):
            at = _stopped(replace(at, finished=event.time), "superseded", by)
        case RunCancelled(by=by):
            at = _stopped(replace(at, finished=event.time), "cancelled", by)
        case _:
            return at
    return replace(at, seq=event.seq)


def _stopped(at: Standing, state: State, by: str) -> Standing:
    """Return the standing of a run that has ended: what had not, will not."""
    functions = tuple(
        one if one.stage in ENDED else replace(one, stage="stopped", seq=at.seq)
        for one in at.functions
    )
    return replace(at, state=state, by=by, functions=functions, delayed="")


def _function(at: Standing, event: Recorded[Event]) -> Standing:
    name = getattr(event.fact, "function", "") or event.of.id.partition("/")[2]
    old = at.function(name) or FunctionStanding(name=name)
    new = _staged(old, event)
    found = [new if one.name == name else one for one in at.functions]
    functions = tuple(found) if old in at.functions else (*found, new)
    state = at.state
    if state in ("queued", "building") and isinstance(event.fact, FunctionDeployStarted):
        state = "deploying"
    return replace(at, functions=functions, state=state)


def _staged(old: FunctionStanding, event: Recorded[Event]) -> FunctionStanding:
    """Return the function after one more fact about it; what has come to its end stays so."""
    new = _told(old, event)
    ended = old.stage in ENDED and not isinstance(event.fact, FunctionDeployed)
    return replace(new, stage=old.stage if ended else new.stage, seq=event.seq)


def _told(old: FunctionStanding, event: Recorded[Event]) -> FunctionStanding:
    match event.fact:
        case RunArchived():
            return replace(old, archived=event.time)
        case RunBuildStarted():
            return replace(old, stage="building", build_started=old.build_started or event.time)
        case RunBuilt() as fact:
            stage: Stage = "deploying" if old.stage == "deploying" else "built"
            built = replace(old, stage=stage, built=event.time, cached=fact.cached)
            built = replace(built, back=bool(fact.revision))
            return replace(built, image=fact.image, reference=fact.reference)
        case RunBuildFailed(code=code, message=message, tail=tail):
            failed = replace(old, stage="build-failed", ended=event.time, tail=tail)
            return replace(failed, code=code, message=message)
        case _:
            return _deployed(old, event)


def _deployed(old: FunctionStanding, event: Recorded[Event]) -> FunctionStanding:
    match event.fact:
        case FunctionDeployStarted(revision=revision):
            return replace(old, stage="deploying", deploy_started=event.time, revision=revision)
        case FunctionDeployed() as fact:
            live = replace(old, stage="live", ended=event.time, revision=fact.revision)
            return replace(live, image=fact.image, reference=fact.reference)
        case FunctionDeployFailed(code=code, message=message):
            failed = replace(old, stage="deploy-failed", ended=event.time)
            return replace(failed, code=code, message=message)
        case _:
            return old
