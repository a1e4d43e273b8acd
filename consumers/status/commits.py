"""Commits: how each stands, and what its forge was told of it, folded from the log.

Reads   run.*, function.deploy-started/1, function.deployed/1, function.deploy-failed/1,
        pull.held/1, pull.closed/1, environment.refused/1, project.removed/1, status.*

Commits pushed to ourselves are passed over: whoever pushes follows the run in their terminal.
"""

from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from bus.fold import Fold
from consumers.forges.waiting import Wait, still_waits
from consumers.status import turns
from consumers.status.decide import all_told
from consumers.status.standing import Standing
from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.environment import EnvironmentRefused
from schemas.events.function import FunctionDeployed, FunctionDeployFailed, FunctionDeployStarted
from schemas.events.project import ProjectRemoved
from schemas.events.pull import PullHeld
from schemas.events.run import RunQueued, RunResolved
from schemas.events.status import StatusReported, StatusReportFailed
from schemas.repository import Repository

KINDS: Final = frozenset({"run", "function", "pull", "environment", "project", "status"})
KEPT: Final = 40  # commits of a project whose run is over
WAITING: Final = 1000  # of those beside them that their forge is yet to be told of

Ended = FunctionDeployStarted | FunctionDeployed | FunctionDeployFailed


class Told(msgspec.Struct, frozen=True):
    """What a forge shows of a commit, as far as the log knows."""

    headline: str = ""  # "": nothing yet
    completed: bool = False
    check: str = ""  # the forge's id of it


class Commit(msgspec.Struct, frozen=True):
    """A commit in one environment."""

    standing: Standing
    told: dict[str, Told] = {}  # by function; "": of the whole stack
    waits: Wait | None = None  # its forge could not be told of something


class Project(msgspec.Struct, frozen=True):
    """The commits of a project that something may yet be told of, and the newest others."""

    commits: dict[str, Commit] = {}  # by place
    repository: Repository | None = None  # as it was called when it last had a run


def fold(snapshots: Path | None = None, name: str = "status-commits") -> Fold[Project]:
    """Return the fold; snapshots are kept in a folder, if given."""
    return Fold(name, row=Project, key=key, reduce=reduce, snapshots=snapshots)


def place(environment: str, sha: str) -> str:
    """Return what a commit of a project is kept by."""
    return f"{environment}@{sha}"


def key(event: Recorded[Event]) -> str | None:
    """Return whose row a fact belongs to."""
    of = event.of
    if of.kind not in KINDS or not of.project or of.forge == "local":
        return None
    return f"{of.forge} {of.project}"


def of_event(project: Project, event: Recorded[Event]) -> list[str]:
    """Return the places of the commits that a fact is about."""
    if event.of.kind == "pull":
        number = getattr(event.fact, "number", 0)
        held = (at for at, one in project.commits.items() if number and one.standing.pull == number)
        return [at for at in held if not project.commits[at].standing.run]
    if isinstance(event.fact, EnvironmentRefused):
        at = place(event.of.id, event.fact.sha)
        return [at] if at in project.commits else []
    run = event.fact.run if isinstance(event.fact, Ended) else event.of.id
    return [at for at, one in project.commits.items() if run and one.standing.run == run]


def reduce(project: Project | None, event: Recorded[Event]) -> Project | None:
    """Return the project after one more fact, None where there is nothing to tell of it."""
    found = _reduced(project or Project(), event)
    return found if found.commits else None


def _reduced(project: Project, event: Recorded[Event]) -> Project:
    match event.fact:
        case RunQueued() | PullHeld() | EnvironmentRefused() as fact:
            return _first(project, event, fact)
        case RunResolved() as resolved:
            return _resolved(project, event, resolved)
        case ProjectRemoved():
            return Project()
        case StatusReported() | StatusReportFailed() as told:
            return _told(project, event, told)
        case _:
            return _turned(project, event)


def _first(
    project: Project, event: Recorded[Any], fact: RunQueued | PullHeld | EnvironmentRefused
) -> Project:
    """Return the project after the first that is known of a commit, or of its newer run."""
    match fact:
        case RunQueued():
            return _begun(project, turns.queued(event, fact))
        case PullHeld():
            return _begun(project, turns.held(event, fact))
        case _:
            return _refused(project, event, fact)


def _begun(project: Project, standing: Standing) -> Project:
    """Return the project with a commit that has a newer run now, or none yet."""
    at = place(standing.environment, standing.sha)
    old = project.commits.get(at)
    if old is not None and old.standing.generation > standing.generation:
        return project
    commit = replace(old, standing=standing) if old else Commit(standing)
    kept = replace(project, repository=standing.repository)
    return _bounded(replace(kept, commits=project.commits | {at: commit}))


def _refused(project: Project, event: Recorded[Any], fact: EnvironmentRefused) -> Project:
    """Return the project with a commit that gets no preview; what runs of it is not forgotten."""
    old = project.commits.get(place(event.of.id, fact.sha))
    repository = fact.repository or project.repository
    if repository is None or (old is not None and old.standing.run):
        return project
    return _begun(project, turns.refused(event, fact, repository))


def _turned(project: Project, event: Recorded[Any]) -> Project:
    commits = {}
    for at in of_event(project, event):
        one = project.commits[at]
        if not one.standing.moved:
            commits[at] = replace(one, standing=turns.turned(one.standing, event))
    return replace(project, commits=project.commits | commits) if commits else project


def _resolved(project: Project, event: Recorded[Any], fact: RunResolved) -> Project:
    """Return the project after source has read a commit, perhaps a newer one than was pushed."""
    for at in of_event(project, event):
        one = project.commits[at]
        if one.standing.sha == fact.sha or one.standing.moved:
            continue
        left = replace(one, standing=turns.moved(one.standing, event))
        project = replace(project, commits=project.commits | {at: left})
        taken = replace(turns.turned(one.standing, event), sha=fact.sha)
        return _begun(project, taken)
    return _turned(project, event)


def _told(
    project: Project, event: Recorded[Any], fact: StatusReported | StatusReportFailed
) -> Project:
    at = place(fact.environment, fact.sha)
    one = project.commits.get(at)
    if one is None:
        return project
    if isinstance(fact, StatusReportFailed) and fact.waits:
        commit = replace(one, waits=still_waits(one.waits, fact.code, event.time))
        return replace(project, commits=project.commits | {at: commit})
    old = one.told.get(fact.function, Told())
    if isinstance(fact, StatusReported):
        new = Told(fact.headline, fact.status == "completed", fact.check)
    else:
        new = replace(old, headline=fact.headline)
    commit = replace(one, told=one.told | {fact.function: new})
    if commit.waits is not None and all_told(commit):
        commit = replace(commit, waits=None)
    return replace(project, commits=project.commits | {at: commit})


def _bounded(project: Project) -> Project:
    """Return the project without the oldest of the commits whose run is over."""
    over = [at for at, one in project.commits.items() if one.standing.over]
    waiting = [at for at in over if project.commits[at].waits]
    told = [at for at in over if not project.commits[at].waits]
    gone = {*_oldest(project, told, KEPT), *_oldest(project, waiting, WAITING)}
    commits = {at: one for at, one in project.commits.items() if at not in gone}
    return replace(project, commits=commits) if gone else project


def _oldest(project: Project, places: list[str], kept: int) -> list[str]:
    """Return those that are more than are kept."""
    places = sorted(places, key=lambda at: project.commits[at].standing.seq)
    return places[: max(0, len(places) - kept)]
