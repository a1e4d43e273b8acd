"""Standing: the functions of each project, and what its newest runs want, folded from the log.

Reads   run.*, function.claimed/1, function.deployed/1, function.removed/1, collection.*,
        environment.opened/1, environment.closed/1, branch.deleted/1, project.*, secret.*

Keyed by forge and the forge's own id of the project; names are labels.
"""

from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from msgspec.structs import replace

from bus.fold import Fold
from consumers.collector import environments
from consumers.collector.environments import Environment
from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.branch import BranchDeleted
from schemas.events.collection import CollectionCancelled, CollectionPlanned
from schemas.events.environment import EnvironmentClosed, EnvironmentOpened
from schemas.events.function import FunctionClaimed, FunctionDeployed, FunctionRemoved
from schemas.events.project import ProjectInstalled, ProjectRemoved, ProjectRenamed
from schemas.events.run import RunQueued
from schemas.events.secret import (
    ScopeKind,
    SecretBound,
    SecretRemoved,
    SecretSealed,
    SecretUnbound,
    SecretUnwanted,
)
from schemas.ids import Digest

KINDS: Final = frozenset(
    {"run", "function", "collection", "environment", "branch", "project", "secret"}
)

T = TypeVar("T")


class Planned(msgspec.Struct, frozen=True):
    """A removal that is announced."""

    seq: int  # of the fact that announces it
    because: int
    reason: str
    due: datetime


class Standing(msgspec.Struct, frozen=True):
    """A function that has a name, and perhaps runs."""

    label: str
    planned: Planned | None = None
    spared: int = 0  # sequence of a reason to remove it that somebody took back


class Kept(msgspec.Struct, frozen=True):
    """A secret of the project, without its value."""

    name: str
    scope: ScopeKind
    sealed: Digest


class Bound(msgspec.Struct, frozen=True):
    """A SealedSecret of the project, in the cluster."""

    name: str
    namespace: str
    seq: int  # of the fact that says so


class Gone(msgspec.Struct, frozen=True):
    """Why nothing of something is wanted any more."""

    reason: str
    seq: int  # of the fact that says so
    at: datetime | None = None  # when it said so, of what is closed to us


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """What the collector decides by."""

    forge: str
    id: str
    name: str = ""  # owner/name
    standing: dict[str, Standing] = {}  # by environment/name
    environments: dict[str, Environment] = {}
    secrets: dict[str, Kept] = {}  # by the aggregate's id
    bound: dict[str, Bound] = {}  # by the aggregate's id
    installed: int = 0  # sequence of the newest fact that opened it to us
    gone: Gone | None = None

    @property
    def owner(self) -> str:
        """Return the tenant's id."""
        return self.name.rpartition("/")[0].lower()


def key_of(forge: str, project: str) -> str:
    """Return a project's key."""
    return f"{forge} {project}"


def key(event: Recorded[Event]) -> str | None:
    """Return whose row a fact belongs to."""
    of = event.of
    return key_of(of.forge, of.project) if of.kind in KINDS and of.project else None


def reduce(project: Project | None, event: Recorded[Event]) -> Project | None:
    """Return the project after one more fact; pure."""
    project = project or Project(forge=event.of.forge, id=event.of.project)
    match event.of.kind:
        case "run" | "environment" | "branch":
            return _environment(project, event)
        case "function" | "collection":
            return _function(project, event)
        case "secret":
            return _secret(project, event)
        case _:
            return _project(project, event)


def _environment(project: Project, event: Recorded[Event]) -> Project:
    fact, known = event.fact, project.environments
    match fact:
        case RunQueued(environment=name):
            found = environments.queued(known.get(name, Environment()), event.of.id, fact)
            if event.of.forge == "local":  # which says nothing of installations
                project = replace(project, gone=None)
            project = replace(project, name=fact.repository.full_name)
        case EnvironmentOpened() | EnvironmentClosed():
            name = event.of.id
            closed = event.seq if isinstance(fact, EnvironmentClosed) else 0
            found = replace(known.get(name, Environment()), closed=closed)
            if closed and not _stands(project, name):
                return replace(project, environments=_without(known, name))
        case BranchDeleted(branch=branch):
            name = "production"
            if name not in known or known[name].branch != branch:
                return project
            found = replace(known[name], deleted=event.seq)
        case _:
            place = environments.place(known, event.of.id)
            if place is None:
                return project
            name, found = place, environments.told(known[place], event)
    return replace(project, environments=known | {name: found})


def _function(project: Project, event: Recorded[Event]) -> Project:
    place, known = event.of.id, project.standing
    match event.fact:
        case FunctionClaimed(label=label) | FunctionDeployed(label=label):
            found = replace(known.get(place) or Standing(label), label=label)
        case FunctionRemoved(environment=name):
            project = replace(project, standing=_without(known, place))
            environment = project.environments.get(name)
            if environment and environment.closed and not _stands(project, name):
                return replace(project, environments=_without(project.environments, name))
            return project
        case CollectionPlanned() as fact if place in known:
            planned = Planned(event.seq, fact.because, fact.reason, fact.due)
            found = replace(known[place], planned=planned)
        case CollectionCancelled(because=because) if place in known:
            found = replace(known[place], planned=None, spared=because)
        case _:
            return project
    return replace(project, standing=known | {place: found})


def _secret(project: Project, event: Recorded[Event]) -> Project:
    match event.fact:
        case SecretSealed() as fact:
            kept = Kept(fact.name, fact.scope, fact.sealed)
            return replace(project, secrets=project.secrets | {event.of.id: kept})
        case SecretRemoved():
            return replace(project, secrets=_without(project.secrets, event.of.id))
        case SecretBound() as fact:
            bound = Bound(fact.name, fact.namespace, event.seq)
            return replace(project, bound=project.bound | {event.of.id: bound})
        case SecretUnbound() | SecretUnwanted():
            return replace(project, bound=_without(project.bound, event.of.id))
        case _:
            return project


def _project(project: Project, event: Recorded[Event]) -> Project:
    match event.fact:
        case ProjectInstalled(owner=owner, repository=name):
            opened = replace(project, installed=event.seq, gone=None)
            return replace(opened, name=f"{owner}/{name}")
        case ProjectRenamed(owner=owner, repository=name):
            return replace(project, name=f"{owner}/{name}")
        case ProjectRemoved():
            gone = Gone("project-removed", event.seq, event.time)
            return replace(project, gone=gone, name=project.name or event.name)
        case _:
            return project


def _stands(project: Project, environment: str) -> bool:
    return any(place.partition("/")[0] == environment for place in project.standing)


def _without(rows: dict[str, T], key: str) -> dict[str, T]:
    return {name: row for name, row in rows.items() if name != key}


def fold(snapshots: Path | None = None) -> Fold[Project]:
    """Return the fold, still empty."""
    return Fold("collector-projects", row=Project, key=key, reduce=reduce, snapshots=snapshots)
