"""Projects: what is to be decided on, generations, open runs and previews, folded from the log.

Reads   branch.pushed/1, pull.*, run.*, function.deploy-started/1,
        function.deployed/1, function.deploy-failed/1, environment.*, project.configured/1
"""

from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from consumers.planner import pulls
from consumers.planner.previews import Preview, Rules
from consumers.planner.pulls import Pull
from schemas.envelope import Recorded
from schemas.environments import PRODUCTION
from schemas.events import Event
from schemas.events.branch import BranchPushed
from schemas.events.environment import (
    EnvironmentClosed,
    EnvironmentOpened,
    EnvironmentRefused,
    EnvironmentRenewed,
)
from schemas.events.function import FunctionDeployed, FunctionDeployFailed, FunctionDeployStarted
from schemas.events.project import ProjectConfigured
from schemas.events.pull import PullHeld
from schemas.events.run import (
    Problem,
    RunBuildFailed,
    RunCancelled,
    RunFinished,
    RunQueued,
    RunRejected,
    RunResolved,
    RunSuperseded,
)

LIVE: Final = "live"
FAILED: Final = "failed"
KINDS: Final = frozenset({"branch", "pull", "run", "function", "environment", "project"})


class OpenRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that has not ended."""

    id: str
    environment: str
    generation: int
    label: str
    queued: datetime
    seq: int  # the newest fact about it, for guards
    deploying: bool = False
    functions: tuple[str, ...] | None = None  # None until source has read the stack
    ends: dict[str, str] = {}  # function → live, failed, or the id of the run that outran it
    rejected: str = ""  # what source found wrong
    promotes: str = ""  # the run whose artefacts it deploys


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """What the planner decides by."""

    pending: tuple[int, ...] = ()  # sequences of pushes that have no run yet
    generations: dict[str, int] = {}  # of each environment, the last
    queued: int = 0  # the sequence of the last run.queued, for guards
    open: tuple[OpenRun, ...] = ()  # oldest first
    rules: Rules = Rules()
    previews: dict[str, Preview] = {}  # by environment
    pulls: dict[int, Pull] = {}  # by number; the newest of those that are closed


def key(event: Recorded[Event]) -> str | None:
    """Return whose row a fact belongs to."""
    of = event.of
    return f"{of.forge} {of.project}" if of.kind in KINDS else None


def reduce(project: Project | None, event: Recorded[Event]) -> Project | None:
    """Return the project after one more fact."""
    project = project or Project()
    match event.of.kind:
        case "run":
            return _run(_turned(project, event.of.id, seq=event.seq), event)
        case "function":
            return _function(project, event)
        case "pull":
            return _pull(project, event)
        case "environment":
            return _environment(project, event)
        case "project":
            return _configured(project, event)
        case _:
            return _branch(project, event)


def _branch(project: Project, event: Recorded[Event]) -> Project:
    match event.fact:
        case BranchPushed(branch=branch, repository=repository):
            if project.rules.environment(branch, repository):
                return replace(project, pending=(*project.pending, event.seq))
    return project


def _pull(project: Project, event: Recorded[Event]) -> Project:
    if isinstance(event.fact, PullHeld):
        return _decided(project, event.fact.push)
    rows, asks = pulls.turned(project.pulls, event.fact)
    project = replace(project, pulls=rows)
    if asks and project.rules.previews.pull_requests:
        return replace(project, pending=(*project.pending, event.seq))
    return project


def _environment(project: Project, event: Recorded[Event]) -> Project:
    name = event.of.id
    match event.fact:
        case EnvironmentOpened(branch=branch, pull=pull, until=until, push=push):
            preview = Preview(branch, pull, until, push)
            return replace(project, previews=project.previews | {name: preview})
        case EnvironmentRenewed(until=until, push=push) if name in project.previews:
            preview = replace(project.previews[name], until=until, push=push)
            return replace(project, previews=project.previews | {name: preview})
        case EnvironmentClosed():
            kept = {key: one for key, one in project.previews.items() if key != name}
            return replace(project, previews=kept)
        case EnvironmentRefused(push=push):
            return _decided(project, push)
        case _:
            return project


def _configured(project: Project, event: Recorded[Event]) -> Project:
    if isinstance(event.fact, ProjectConfigured):
        return replace(project, rules=replace(project.rules, said=event.fact))
    return project


def _decided(project: Project, push: int) -> Project:
    return replace(project, pending=tuple(seq for seq in project.pending if seq != push))


def _function(project: Project, event: Recorded[Event]) -> Project:
    match event.fact:
        case FunctionDeployStarted(run=run):
            return _turned(project, run, deploying=True)
        case FunctionDeployed() as deployed:
            return _deployed(project, deployed)
        case FunctionDeployFailed(run=run):
            return _ended(project, run, event.of.id.partition("/")[2], FAILED)
        case _:
            return project


def _queued(project: Project, event: Recorded[Event], queued: RunQueued) -> Project:
    run = OpenRun(
        id=event.of.id,
        environment=queued.environment,
        generation=queued.generation,
        label=queued.label,
        queued=event.time,
        seq=event.seq,
        promotes=queued.promotes,
    )
    return replace(
        _decided(project, queued.push),
        generations=project.generations | {queued.environment: queued.generation},
        queued=event.seq,
        open=(*project.open, run),
    )


def _run(project: Project, event: Recorded[Event]) -> Project:
    id = event.of.id
    match event.fact:
        case RunQueued() as queued:
            return _queued(project, event, queued)
        case RunResolved() as resolved:
            return _turned(_told(project, id, resolved), id, functions=resolved.functions)
        case RunRejected(problems=problems):
            return _turned(project, id, rejected=_why(problems))
        case RunBuildFailed(function=function):
            return _ended(project, id, function, FAILED)
        case RunSuperseded() | RunCancelled() | RunFinished():
            return replace(project, open=tuple(run for run in project.open if run.id != id))
        case _:
            return project


def _told(project: Project, id: str, resolved: RunResolved) -> Project:
    """Take what a stack says of previews from the newest that was built for production."""
    run = next((one for one in project.open if one.id == id), None)
    if run is None or run.environment != PRODUCTION or run.promotes:
        return project
    if run.generation < project.rules.told:
        return project
    rules = replace(project.rules, stack=resolved.previews, told=run.generation)
    return replace(project, rules=rules)


def _why(problems: tuple[Problem, ...]) -> str:
    more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
    return f"{problems[0]}{more}" if problems else "the commit cannot be deployed"


def _deployed(project: Project, deployed: FunctionDeployed) -> Project:
    """End the function in its run, and in older runs, which may no longer overwrite it."""
    for run in project.open:
        if run.environment == deployed.environment and run.generation < deployed.generation:
            project = _ended(project, run.id, deployed.function, deployed.run)
    return _ended(project, deployed.run, deployed.function, LIVE)


def _ended(project: Project, run: str, function: str, end: str) -> Project:
    """Record a function's end in a run; the first one holds."""
    found = next((one for one in project.open if one.id == run), None)
    if found is None or function in found.ends:
        return project
    return _turned(project, run, ends=found.ends | {function: end})


def _turned(project: Project, id: str, **changes: object) -> Project:
    """Return the project with one open run changed."""
    runs = tuple(replace(run, **changes) if run.id == id else run for run in project.open)
    return replace(project, open=runs)
