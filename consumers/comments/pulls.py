"""Pulls: what there is to be said of each pull request, and what was, folded from the log.

Reads   pull.*, environment.*, run.*, function.deploy-started/1, function.deployed/1,
        function.deploy-failed/1, project.removed/1, comment.*

Pull requests of our own forge are passed over: it has none.
"""

from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from bus.fold import Fold
from consumers.forges.waiting import Wait, still_waits
from consumers.status import turns
from consumers.status.standing import Standing
from schemas.envelope import Recorded
from schemas.environments import of_pull
from schemas.events import Event
from schemas.events.comment import CommentDeleted, CommentRefused, CommentWritten
from schemas.events.environment import (
    EnvironmentClosed,
    EnvironmentOpened,
    EnvironmentRefused,
    EnvironmentRenewed,
)
from schemas.events.function import FunctionDeployed, FunctionDeployFailed, FunctionDeployStarted
from schemas.events.project import ProjectRemoved
from schemas.events.pull import PullClosed, PullHeld, PullOpened, PullUpdated
from schemas.events.run import RunQueued
from schemas.repository import Repository

KINDS: Final = frozenset({"pull", "environment", "run", "function", "project", "comment"})
KEPT: Final = 100  # closed ones of a project

Deploy = FunctionDeployStarted | FunctionDeployed | FunctionDeployFailed


class Pull(msgspec.Struct, frozen=True, kw_only=True):
    """One pull request."""

    number: int
    repository: Repository = Repository("", "", "")  # of the base
    sha: str = ""  # the newest commit that anything was decided about
    standing: Standing | None = None  # of its newest run, or of the commit that is held
    last: Standing | None = None  # that answers, or did before the newest run
    until: datetime | None = None  # when its preview goes, unless it is used
    refused: str = ""  # why it has no preview
    gone: str = ""  # why it has none any more, as environment.closed says
    closed: bool = False
    updated: datetime | None = None  # when the forge says that something was so
    merged: bool = False
    comment: str = ""  # the forge's id of ours
    text: str = ""  # digest of what that says
    about: str = ""  # the commit that that was about when it was written last
    deleted: str = ""  # the commit of which nothing more is said
    waits: Wait | None = None  # its forge could not be told
    seq: int = 0  # of the newest fact about it

    @property
    def heard(self) -> bool:
        """Tell whether people want to hear of it: whoever deletes our comment does not."""
        return not self.deleted or self.deleted != self.sha

    @property
    def ended(self) -> bool:
        """Tell whether all is over: no comment is begun that only tells of an end."""
        return self.closed or bool(self.gone)


class Project(msgspec.Struct, frozen=True):
    """The pull requests of a project by number, those closed last at the end."""

    pulls: dict[int, Pull] = {}


def fold(snapshots: Path | None = None, name: str = "comments-pulls") -> Fold[Project]:
    """Return the fold; snapshots are kept in a folder, if given."""
    return Fold(name, row=Project, key=key, reduce=reduce, snapshots=snapshots)


def key(event: Recorded[Event]) -> str | None:
    """Return whose row a fact belongs to."""
    of = event.of
    if of.kind not in KINDS or not of.project or of.forge == "local":
        return None
    return f"{of.forge} {of.project}"


def of_event(project: Project, event: Recorded[Any]) -> int:
    """Return the number of the pull request that a fact is about, 0 for none."""
    fact, of = event.fact, event.of
    if of.kind in ("pull", "comment"):
        return int(getattr(fact, "number", 0))
    if of.kind == "environment":
        number = getattr(fact, "pull", 0)
        return number or next((n for n in project.pulls if of_pull(n) == of.id), 0)
    if isinstance(fact, RunQueued):
        return fact.pull
    run = fact.run if isinstance(fact, Deploy) else of.id if of.kind == "run" else ""
    found = (n for n, one in project.pulls.items() if one.standing and one.standing.run == run)
    return next(found, 0) if run else 0


def reduce(project: Project | None, event: Recorded[Event]) -> Project | None:
    """Return the project after one more fact, None where it has no pull request."""
    project = project or Project()
    if isinstance(event.fact, ProjectRemoved):
        return None
    number = of_event(project, event)
    if number:
        old = project.pulls.get(number, Pull(number=number))
        if event.of.kind == "comment":
            new = _written(old, event)
        elif (new := _turned(old, event)) != old:
            new = replace(new, seq=event.seq)
        project = _with(project, new) if new != old else project
    return project if project.pulls else None


def _turned(pull: Pull, event: Recorded[Any]) -> Pull:
    match event.fact:
        case PullOpened() | PullUpdated() | PullClosed() as fact:
            return _said(pull, event, fact)
        case PullHeld() as fact:
            return _begun(pull, turns.held(event, fact))
        case RunQueued() as fact if not fact.artefacts:  # one function taken back moves no address
            return _begun(pull, turns.queued(event, fact))
        case _:
            return _previewed(pull, event)


def _said(pull: Pull, event: Recorded[Any], fact: PullOpened | PullUpdated | PullClosed) -> Pull:
    """Return the pull request after its forge has told of it; what is older changes nothing."""
    if pull.updated is not None and fact.updated is not None and fact.updated < pull.updated:
        return pull
    pull = replace(pull, updated=fact.updated or pull.updated)
    if isinstance(fact, PullClosed):
        standing = pull.standing and turns.turned(pull.standing, event)
        return replace(pull, closed=True, merged=fact.merged, standing=standing)
    pull = replace(pull, repository=fact.repository)
    return replace(pull, closed=False, merged=False) if isinstance(fact, PullOpened) else pull


def _written(pull: Pull, event: Recorded[Any]) -> Pull:
    match event.fact:
        case CommentWritten(comment=comment, text=text, sha=sha):
            pull = replace(pull, comment=comment, text=text, about=sha, deleted="")
            return replace(pull, waits=None)
        case CommentDeleted(sha=sha):
            return replace(pull, comment="", text="", about="", deleted=sha)
        case CommentRefused(code=code, waits=waits):
            return replace(pull, waits=still_waits(pull.waits, code, event.time) if waits else None)
        case _:
            return pull


def _begun(pull: Pull, standing: Standing) -> Pull:
    """Return the pull request with a commit that takes the place of the one before."""
    if pull.standing is not None and 0 < standing.generation <= pull.standing.generation:
        return pull
    new = replace(pull, standing=standing, sha=standing.sha, repository=standing.repository)
    return replace(new, refused="", gone="" if standing.run else pull.gone)


def _previewed(pull: Pull, event: Recorded[Any]) -> Pull:
    """Return the pull request after a fact about its preview, or about what is to run there."""
    match event.fact:
        case EnvironmentOpened(until=until) | EnvironmentRenewed(until=until):
            return replace(pull, until=until, gone="")
        case EnvironmentClosed(reason=reason):
            return replace(pull, gone=reason, until=None, last=None)
        case EnvironmentRefused(reason=reason, sha=sha, repository=repository):
            named = repository or pull.repository
            return replace(pull, refused=reason, sha=sha, repository=named)
        case _ if pull.standing is not None and event.of.kind in ("run", "function"):
            standing = turns.turned(pull.standing, event)
            answers = standing.state in ("live", "partly")
            last = standing if answers else pull.last
            return replace(pull, standing=standing, sha=standing.sha, last=last)
        case _:
            return pull


def _with(project: Project, pull: Pull) -> Project:
    """Return the project with a pull request, and without those that were closed long ago."""
    others = {number: one for number, one in project.pulls.items() if number != pull.number}
    pulls = others | {pull.number: pull}
    closed = [number for number, one in pulls.items() if one.closed]
    gone = closed[: max(0, len(closed) - KEPT)]
    return Project({number: one for number, one in pulls.items() if number not in gone})
