"""Wishes: what a push asks to have run, and where. Pure."""

from typing import Any

import msgspec

from consumers.planner.projects import Project
from schemas.envelope import Recorded
from schemas.environments import of_branch
from schemas.events.branch import BranchPushed
from schemas.ids import Sha
from schemas.repository import Repository


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A commit, and the environment that is to show it."""

    environment: str
    branch: str
    sha: Sha
    repository: Repository
    resolve: bool = False
    pusher: str = ""
    pull: int = 0
    ref: str = ""
    wanted: bool = True  # False: not by the rules of this moment


def wish(project: Project, cause: Recorded[Any]) -> Wish:
    """Return what is asked for."""
    return _of_push(project, cause.fact)


def _of_push(project: Project, push: BranchPushed) -> Wish:
    found = project.rules.environment(push.branch, push.repository)
    return Wish(
        environment=found or of_branch(push.branch),
        branch=push.branch,
        sha=push.after,
        repository=push.repository,
        resolve=not push.continues,
        pusher=push.pusher,
        wanted=bool(found),
    )
