"""Known: what the log says of the forges' projects and tenants, to be compared with the forges.

Reads   branch.*, pull.*, project.*, tenant.installed/1, tenant.uninstalled/1, tenant.suspended/1,
        tenant.renamed/1
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from msgspec.structs import replace

from bus.fold import Fold
from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.branch import BranchDeleted, BranchPushed
from schemas.events.project import ProjectInstalled, ProjectRemoved, ProjectRenamed, ProjectUpdated
from schemas.events.pull import PullClosed, PullOpened, PullUpdated
from schemas.events.tenant import (
    TenantInstalled,
    TenantRenamed,
    TenantSuspended,
    TenantUninstalled,
)
from schemas.repository import Repository

KINDS: Final = frozenset({"branch", "pull", "project"})
LOCAL: Final = "local"  # our own forge compares by itself
ENDED: Final = 200  # deleted branches, and closed pull requests, that are remembered

T = TypeVar("T", "Branch", "Pull")


class Branch(msgspec.Struct, frozen=True):
    """Where a branch is, "" once it was deleted."""

    sha: str = ""
    seq: int = 0  # the newest fact about it

    @property
    def ended(self) -> bool:
        """Tell whether it is gone."""
        return not self.sha


class Pull(msgspec.Struct, frozen=True):
    """Where a pull request is."""

    sha: str = ""
    closed: bool = False
    seq: int = 0

    @property
    def ended(self) -> bool:
        """Tell whether it is closed."""
        return self.closed


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A project as the log tells it."""

    forge: str
    id: str
    since: datetime  # when it was first heard of
    repository: Repository = Repository("", "", "")
    installed: bool = False  # it was said so, and not taken back
    gone: bool = False
    seq: int = 0  # the newest fact about the project itself
    branches: dict[str, Branch] = {}
    pulls: dict[int, Pull] = {}


class Tenant(msgspec.Struct, frozen=True):
    """An account of a forge as the log tells it."""

    installation: str = ""  # "": it never let us in
    suspended: bool = False
    gone: bool = False
    to: str = ""  # what it is called now, if it was renamed
    seq: int = 0  # the newest fact about it

    @property
    def lets_in(self) -> bool:
        """Tell whether it is installed, suspended or not."""
        return bool(self.installation) and not self.gone


def key(event: Recorded[Event]) -> str | None:
    """Return whose row a fact belongs to."""
    of = event.of
    return f"{of.forge} {of.project}" if of.kind in KINDS and of.forge != LOCAL else None


def reduce(project: Project | None, event: Recorded[Event]) -> Project:
    """Return the project after one more fact."""
    of = event.of
    project = project or Project(forge=of.forge, id=of.project, since=event.time)
    match of.kind:
        case "branch":
            return _branch(project, event)
        case "pull":
            return _pull(project, event)
        case _:
            return _project(replace(project, seq=event.seq), event)


def _branch(project: Project, event: Recorded[Event]) -> Project:
    name, repository = event.of.id, project.repository
    branch = replace(project.branches.get(name, Branch()), seq=event.seq)
    match event.fact:
        case BranchPushed(after=after, repository=repository):
            branch = Branch(after, event.seq)
        case BranchDeleted():
            branch = Branch("", event.seq)
    branches = _remembered(project.branches | {name: branch})
    return replace(project, branches=branches, repository=repository)


def _pull(project: Project, event: Recorded[Event]) -> Project:
    number, repository = int(event.of.id), project.repository
    pull = replace(project.pulls.get(number, Pull()), seq=event.seq)
    match event.fact:
        case PullOpened(sha=sha, repository=repository):
            pull = Pull(sha, closed=False, seq=event.seq)
        case PullUpdated(sha=sha, repository=repository):
            pull = replace(pull, sha=sha)
        case PullClosed(sha=sha):
            pull = Pull(sha, closed=True, seq=event.seq)
    return replace(
        project, pulls=_remembered(project.pulls | {number: pull}), repository=repository
    )


def _project(project: Project, event: Recorded[Event]) -> Project:
    names = project.repository
    match event.fact:
        case ProjectInstalled(owner, name, private, installation, told):
            names = replace(
                names, owner=owner, name=name, private=private, installation=installation
            )
            heard = told or event.time
            since = heard if project.gone else min(heard, project.since)
            return replace(project, repository=names, installed=True, gone=False, since=since)
        case ProjectRenamed(owner=owner, repository=name):
            return replace(project, repository=replace(names, owner=owner, name=name))
        case ProjectUpdated(owner=owner, repository=name, private=private):
            names = replace(names, owner=owner, name=name, private=private)
            return replace(project, repository=names)
        case ProjectRemoved():  # what happens there until it is installed again is not ours
            return replace(project, installed=False, gone=True, branches={}, pulls={})
        case _:
            return project


def _remembered(rows: Mapping[Any, T]) -> dict[Any, T]:
    """Return rows without the oldest of those that have ended."""
    ended = sorted((row.seq, key) for key, row in rows.items() if row.ended)
    forgotten = {key for _, key in ended[:-ENDED]} if len(ended) > ENDED else set()
    return {key: row for key, row in rows.items() if key not in forgotten}


def key_of_tenant(event: Recorded[Event]) -> str | None:
    """Return whose row a fact belongs to."""
    of = event.of
    return f"{of.forge} {of.id.lower()}" if of.kind == "tenant" else None


def reduce_tenant(tenant: Tenant | None, event: Recorded[Event]) -> Tenant:
    """Return the tenant after one more fact."""
    tenant = replace(tenant or Tenant(), seq=event.seq)
    match event.fact:
        case TenantInstalled(installation=installation):
            return Tenant(installation, seq=event.seq)
        case TenantSuspended(suspended=suspended):
            return replace(tenant, suspended=suspended)
        case TenantUninstalled():
            return replace(tenant, gone=True)
        case TenantRenamed(to=to):
            return replace(tenant, to=to.lower())
        case _:
            return tenant


def followed(tenants: Mapping[str, Tenant]) -> dict[str, Tenant]:
    """Return tenants under the names that they have now."""
    found = {name: tenant for name, tenant in tenants.items() if not tenant.to}
    for name, tenant in tenants.items():
        if tenant.to:
            now, it = _now(tenants, name)
            if not found.get(now, Tenant()).installation:
                found[now] = it
    return found


def _now(tenants: Mapping[str, Tenant], name: str) -> tuple[str, Tenant]:
    tenant, seen = tenants[name], {name}
    while tenant.to and tenant.to not in seen:
        name = tenant.to
        seen.add(name)
        tenant = _taken_over(tenant, tenants.get(name, Tenant()))
    return name, tenant


def _taken_over(old: Tenant, new: Tenant) -> Tenant:
    """Return a tenant under its new name, of which only what came since is told."""
    if new.installation:
        return new
    return replace(
        old,
        suspended=new.suspended or (old.suspended and not new.seq),
        gone=old.gone or new.gone,
        to=new.to,
        seq=max(old.seq, new.seq),
    )


@dataclass(frozen=True, slots=True)
class Known:
    """Both folds; whoever recovers runs them, too."""

    projects: Fold[Project]
    tenants: Fold[Tenant]

    @classmethod
    def kept(cls, snapshots: Path | None = None) -> "Known":
        """Return folds that keep snapshots in a folder, if given."""
        return cls(
            Fold("known-projects", row=Project, key=key, reduce=reduce, snapshots=snapshots),
            Fold(
                "known-tenants",
                row=Tenant,
                key=key_of_tenant,
                reduce=reduce_tenant,
                snapshots=snapshots,
            ),
        )

    def all(self) -> tuple[Fold[Any], ...]:
        """Return each of them."""
        return (self.projects, self.tenants)

    async def reached(self, seq: int) -> None:
        """Return once both are true at ``seq``."""
        for fold in self.all():
            await fold.reached(seq)

    def of(self, forge: str) -> dict[str, Project]:
        """Return the projects of a forge, by its ids."""
        return {row.id: row for row in self.projects.rows.values() if row.forge == forge}

    def accounts(self, forge: str) -> dict[str, Tenant]:
        """Return the tenants of a forge, by the names that they have now, in lower case."""
        start = f"{forge} "
        return followed(
            {
                key.removeprefix(start): row
                for key, row in self.tenants.rows.items()
                if key.startswith(start)
            }
        )
