"""Projects: the repositories we know, folded from the log.

Reads   every fact about a project and its branches, and the ends of its runs
"""

from datetime import datetime

import msgspec

from schemas.envelope import Recorded
from schemas.environments import Previews
from schemas.events import Event
from schemas.events.branch import BranchDeleted, BranchPushed
from schemas.events.function import FunctionClaimed, FunctionRemoved
from schemas.events.project import (
    ProjectConfigured,
    ProjectInstalled,
    ProjectRemoved,
    ProjectRenamed,
    ProjectUpdated,
)
from schemas.events.run import RunFinished, RunQueued, RunRejected

READ = (
    BranchPushed,
    BranchDeleted,
    FunctionClaimed,
    FunctionRemoved,
    ProjectConfigured,
    ProjectInstalled,
    ProjectRemoved,
    ProjectRenamed,
    ProjectUpdated,
    RunFinished,
    RunQueued,
    RunRejected,
)


class Project(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One repository."""

    forge: str
    project: str  # the forge's own id
    name: str  # owner/name, a label
    label: str = ""  # the tenant's
    default_branch: str = ""
    clone_url: str = ""
    private: bool = False
    production_branch: str = ""  # by its owners; "": the default branch
    previews: Previews | None = None  # by its owners; None: as its stack.yml says
    branches: dict[str, str] = {}  # name to head, as the forge told us
    functions: tuple[str, ...] = ()  # claimed, in any environment
    runs: int = 0
    last_run: str = ""
    last_outcome: str = ""
    last_time: datetime | None = None


def key(event: Recorded[Event]) -> str | None:
    """Return the project this event changes."""
    of = event.of
    return f"{of.forge}:{of.project}" if of.project and isinstance(event.fact, READ) else None


def reduce(row: Project | None, event: Recorded[Event]) -> Project | None:
    """Return the project's next row, None once it is removed; pure."""
    of = event.of
    old = row or Project(forge=of.forge, project=of.project, name=event.name or of.project)
    match event.fact:
        case BranchPushed(branch=branch, after=after, repository=repository):
            return msgspec.structs.replace(
                old,
                name=repository.full_name,
                default_branch=repository.default_branch,
                clone_url=repository.clone_url,
                private=repository.private,
                branches=old.branches | {branch: after},
            )
        case BranchDeleted(branch=branch):
            kept = {name: head for name, head in old.branches.items() if name != branch}
            return msgspec.structs.replace(old, branches=kept)
        case ProjectRemoved():
            return None
        case ProjectUpdated():  # told of each project of a forge, ours or not
            return None if row is None else _settled(row, event.fact)
        case ProjectInstalled() | ProjectRenamed() | ProjectConfigured():
            return _settled(old, event.fact)
        case _:
            return _by_run_or_function(old, event)


def _settled(old: Project, fact: Event) -> Project:
    match fact:
        case ProjectInstalled(owner=owner, repository=name, private=private):
            return msgspec.structs.replace(old, name=f"{owner}/{name}", private=private)
        case ProjectRenamed(owner=owner, repository=name):
            return msgspec.structs.replace(old, name=f"{owner}/{name}")
        case ProjectUpdated(private=private):
            return msgspec.structs.replace(old, private=private)
        case ProjectConfigured(branch=branch, previews=previews):
            return msgspec.structs.replace(old, production_branch=branch, previews=previews)
        case _:
            return old


def _by_run_or_function(old: Project, event: Recorded[Event]) -> Project:
    match event.fact:
        case RunQueued(label=label):
            return msgspec.structs.replace(
                old,
                label=label,
                runs=old.runs + 1,
                last_run=event.of.id,
                last_outcome="queued",
                last_time=event.time,
            )
        case RunFinished(outcome=outcome):
            return _ended(old, event, outcome)
        case RunRejected():
            return _ended(old, event, "rejected")
        case FunctionClaimed(label=label, function=function):
            names = tuple(sorted({*old.functions, function}))
            return msgspec.structs.replace(old, label=label, functions=names)
        case FunctionRemoved(function=function, environment="production"):
            names = tuple(name for name in old.functions if name != function)
            return msgspec.structs.replace(old, functions=names)
        case _:
            return old


def _ended(old: Project, event: Recorded[Event], outcome: str) -> Project:
    if event.of.id != old.last_run:  # an older run's end says nothing of the newest
        return old
    return msgspec.structs.replace(old, last_outcome=outcome, last_time=event.time)
