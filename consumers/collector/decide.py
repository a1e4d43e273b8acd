"""What is unwanted, when it goes, and what brings it back. No clock, no I/O.

A function goes when the newest run of its environment is live without it, when stack.yml was
deleted, when its environment has ended, and when its project or account is closed to us. A newer
run that has not ended holds everything of its environment, for it may want something else. What
was set or sealed for functions goes with the last of them.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from consumers.collector.standing import Gone, Planned, Project, Standing
from schemas.environments import PRODUCTION, is_preview
from schemas.events import Event
from schemas.events.collection import CollectionCancelled, CollectionPlanned
from schemas.events.function import FunctionRemoved
from schemas.events.secret import SecretRemoved, SecretUnwanted

GRACE: Final = timedelta(minutes=10)
SHUT: Final = ("project-removed", "tenant-uninstalled")  # for a forge to confirm
WORDS: Final = {
    "stack": "it is not in stack.yml any more",
    "stack-deleted": "stack.yml was deleted",
    "branch-deleted": "the branch was deleted",
    "environment-closed": "its environment was closed",
    "project-removed": "the repository is closed to us",
    "tenant-uninstalled": "the account has shut us out",
}


class Step(msgspec.Struct, frozen=True):
    """A fact to record, and what it is about."""

    kind: str
    id: str
    fact: Event
    because: int  # sequence of the fact that led to it


def decide(
    project: Project, tenant: Gone | None, now: datetime, grace: timedelta = GRACE
) -> list[Step]:
    """Return what is to be recorded of a project at a moment."""
    steps = []
    for place, one in project.standing.items():
        why = cause(project, tenant, place)
        if why is None or why.seq == one.spared:
            # while a run may want it yet, what was announced waits
            if one.planned is not None and (why is not None or not held(project, place)):
                steps.append(_cancel(place, one.planned))
        elif one.planned is None:
            steps.append(_plan(place, one, why, now, grace))
        elif one.planned.due <= now:
            steps.append(_remove(place, one, why))
    more = _secrets(project, tenant, steps, now - grace)
    return [*steps, *more, *_bound(project, tenant, steps, now - grace)]


def shut(project: Project, tenant: Gone | None) -> Gone | None:
    """Return why the whole project is unwanted, None while it is open to us."""
    if tenant is not None and tenant.seq > project.installed:
        return tenant
    return project.gone


def held(project: Project, place: str) -> bool:
    """Tell whether a run that has not ended well may want a function yet."""
    environment = project.environments.get(place.partition("/")[0])
    return environment is None or environment.settled is None


def cause(project: Project, tenant: Gone | None, place: str) -> Gone | None:
    """Return why nobody wants a function, None while somebody may."""
    if whole := shut(project, tenant):
        return whole
    name, _, function = place.partition("/")
    environment = project.environments.get(name)
    if environment is None:
        return None
    if environment.closed:
        return Gone("environment-closed", environment.closed)
    if environment.deleted:
        return Gone("branch-deleted", environment.deleted)
    wants = environment.settled
    if wants is None or function in wants.functions:
        return None
    return Gone(wants.reason, wants.seq)


def _plan(place: str, one: Standing, why: Gone, now: datetime, grace: timedelta) -> Step:
    environment, _, function = place.partition("/")
    due = now if _at_once(environment, why) else now + grace
    fact = CollectionPlanned(one.label, environment, function, WORDS[why.reason], why.seq, due)
    return Step("collection", place, fact, why.seq)


def _remove(place: str, one: Standing, why: Gone) -> Step:
    environment, _, function = place.partition("/")
    fact = FunctionRemoved(one.label, environment, function, WORDS[why.reason])
    return Step("function", place, fact, why.seq)


def _at_once(environment: str, why: Gone) -> bool:
    """Tell whether there is nothing to think over: a push brings a preview back as it was."""
    return is_preview(environment) and why.reason not in SHUT


def _cancel(place: str, planned: Planned) -> Step:
    fact = CollectionCancelled(planned.because, "it is wanted again")
    return Step("collection", place, fact, planned.seq)


def _secrets(
    project: Project, tenant: Gone | None, steps: list[Step], before: datetime
) -> list[Step]:
    """Return the ends of a project's secrets, which go with the last of its functions."""
    whole = shut(project, tenant)
    if whole is None or not _last(whole, project.standing, steps, before):
        return []
    return [
        Step("secret", id, SecretRemoved(kept.name, kept.scope, kept.sealed), whole.seq)
        for id, kept in project.secrets.items()
    ]


def _bound(
    project: Project, tenant: Gone | None, steps: list[Step], before: datetime
) -> list[Step]:
    """Return the ends of a project's SealedSecrets, which are production's alone."""
    if not project.bound:
        return []
    anything = f"{PRODUCTION}/"
    why = cause(project, tenant, anything)
    if why is None or why.reason == "stack":  # declared by the very stack that wants no function
        return []
    places = [place for place in project.standing if place.startswith(anything)]
    if not _last(why, places, steps, before):
        return []
    return [
        Step(
            "secret",
            id,
            SecretUnwanted(one.name, one.namespace, WORDS[why.reason]),
            max(why.seq, one.seq),  # of one that was bound late, that is what had us look
        )
        for id, one in project.bound.items()
    ]


def _last(why: Gone, places: Iterable[str], steps: list[Step], before: datetime) -> bool:
    """Tell whether the last of the functions goes now, or there was none and it is long enough."""
    going = {step.id for step in steps if isinstance(step.fact, FunctionRemoved)}
    if set(places) - going:
        return False
    return bool(going) or why.reason not in SHUT or (why.at is not None and why.at <= before)
