"""Names: what each project is called, folded from the log; names are labels, never identities.

Reads   branch.pushed/1, project.installed/1, project.renamed/1
"""

from typing import Final

import msgspec

from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.branch import BranchPushed
from schemas.events.project import ProjectInstalled, ProjectRenamed

KINDS: Final = frozenset({"branch", "project"})


class Named(msgspec.Struct, frozen=True):
    """A project's name."""

    owner: str
    name: str


def key(event: Recorded[Event]) -> str | None:
    """Return whose row a fact belongs to."""
    of = event.of
    return f"{of.forge} {of.project}" if of.kind in KINDS else None


def reduce(named: Named | None, event: Recorded[Event]) -> Named | None:
    """Return what a project is called after one more fact."""
    match event.fact:
        case BranchPushed(repository=repository):
            return Named(repository.owner, repository.name)
        case (
            ProjectInstalled(owner=owner, repository=name)
            | ProjectRenamed(owner=owner, repository=name)
        ):
            return Named(owner, name)
        case _:
            return named
