"""Wishes: what a push or a pull request asks to have run, and where. Pure."""

from typing import Any, Final

import msgspec

from consumers.planner.projects import Project
from schemas.envelope import Recorded
from schemas.environments import of_branch, of_pull
from schemas.events.branch import BranchPushed
from schemas.ids import Sha
from schemas.repository import Repository

# What forges call the commits of a pull request in the repository that it is to be merged into.
REFS: Final = {"github": "refs/pull/{}/head", "gitlab": "refs/merge-requests/{}/head"}


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
    held: bool = False  # it has to be approved first


def wish(project: Project, cause: Recorded[Any]) -> Wish:
    """Return what is asked for."""
    if isinstance(cause.fact, BranchPushed):
        return _of_push(project, cause.fact)
    return _of_pull(project, cause)


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


def _of_pull(project: Project, cause: Recorded[Any]) -> Wish:
    """Return what a pull request asks for.

    A branch of the repository itself is asked of the forge unless this is the newest head that
    we know; of a fork the very commit is taken, which somebody has to approve.
    """
    number, sha = cause.fact.number, cause.fact.sha
    pull = project.pulls[number]
    newest = sha == pull.sha and pull.updated is not None
    return Wish(
        environment=of_pull(number),
        branch=pull.branch,
        sha=sha,
        repository=pull.repository,
        resolve=not (newest or pull.fork),
        pusher=pull.author,
        pull=number,
        ref=REFS.get(cause.of.forge, "").format(number) if pull.fork else "",
        wanted=not pull.closed and project.rules.previews.pull_requests,
        held=pull.fork and sha not in pull.approved,
    )
