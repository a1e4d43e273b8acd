"""Functions: what is deployed where, folded from the log.

Reads   every fact about a function
"""

from datetime import datetime
from typing import Literal

import msgspec

from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.function import (
    FunctionClaimed,
    FunctionDeployed,
    FunctionDeployFailed,
    FunctionDeployStarted,
    FunctionRemoved,
)


class Failure(msgspec.Struct, frozen=True):
    """Why the newest revision did not become live."""

    run: str
    code: str
    message: str
    time: datetime


class Function(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One function in one environment."""

    forge: str
    project: str
    name: str  # of its project
    label: str = ""
    environment: str
    function: str
    status: Literal["claimed", "deploying", "live", "failed"] = "claimed"
    run: str = ""
    sha: str = ""
    generation: int = 0
    revision: str = ""  # the live one
    image: str = ""
    reference: str = ""  # what to pull, HOST/PATH@sha256:…; "" for a bundle
    replicas: int = 0  # of the live revision, as its upstreams are told of
    deployed: datetime | None = None
    start_ms: int = 0
    deploys: int = 0  # how often a revision became live
    failure: Failure | None = None  # of a revision newer than the live one


def key(event: Recorded[Event]) -> str | None:
    """Return the row: the function within its environment, forge and project."""
    of = event.of
    return f"{of.forge}:{of.project}:{of.id}" if of.kind == "function" else None


def reduce(row: Function | None, event: Recorded[Event]) -> Function | None:
    """Return the function's next row, None once it is removed; pure."""
    environment, _, function = event.of.id.rpartition("/")
    old = row or Function(
        forge=event.of.forge,
        project=event.of.project,
        name=event.name or event.of.project,
        environment=environment,
        function=function,
    )
    match event.fact:
        case FunctionClaimed(label=label):
            return msgspec.structs.replace(old, label=label)
        case FunctionDeployStarted():
            return msgspec.structs.replace(old, status="deploying")
        case FunctionDeployed() as fact:
            return msgspec.structs.replace(
                old,
                name=event.name or old.name,
                label=fact.label,
                status="live",
                run=fact.run,
                sha=fact.sha,
                generation=fact.generation,
                revision=fact.revision,
                image=fact.image,
                reference=fact.reference,
                replicas=len({fact.upstream, *fact.upstreams}),
                deployed=event.time,
                start_ms=fact.start_ms,
                deploys=old.deploys + 1,
                failure=None,
            )
        case FunctionDeployFailed(run=run, code=code, message=message):
            return msgspec.structs.replace(
                old,
                status="live" if old.revision else "failed",
                failure=Failure(run, code, message, event.time),
            )
        case FunctionRemoved():
            return None
        case _:
            return row
