"""What the API answers: rows of the folds, with what is computed as they are asked for."""

from datetime import datetime
from typing import Generic, Literal, TypeVar

import msgspec

from edge.api.functions import Function
from edge.api.runs import Part, Run
from edge.api.waterfall import Step, Waterfall, waterfall
from schemas.environments import PRODUCTION, Kind

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """Some of many, newest first."""

    items: list[T]
    seq: int  # the log's sequence this is true at
    cursor: str = ""  # asks for the next page; empty on the last one


class FunctionView(Function, frozen=True, kw_only=True, omit_defaults=True):
    """A function and where it answers."""

    url: str = ""


class UsageView(msgspec.Struct, frozen=True, kw_only=True):
    """One function's requests in the last minutes; routers tell of them every few seconds."""

    minutes: int
    invocations: int
    errors: int  # answered with 500 and above
    p50_ms: float
    p99_ms: float


class RunItem(msgspec.Struct, frozen=True, kw_only=True):
    """A run in a list."""

    id: str
    seq: int
    project: str  # owner/name
    environment: str
    branch: str
    sha: str
    pusher: str
    outcome: str
    message: str
    functions: list[str]
    queued: datetime
    ended: datetime | None
    total_ms: int
    own_ms: int


class RunView(RunItem, frozen=True, kw_only=True):
    """A run and all its steps."""

    generation: int
    label: str
    by: str
    asked: str = ""
    reason: str = ""
    promotes: str = ""
    pull: int = 0
    start: datetime
    steps: tuple[Step, ...]
    parts: list[Part]
    urls: dict[str, str]  # of functions that this run made live
    waits: dict[str, str]  # step and function → what is away; it goes on by itself
    warnings: list[str]
    problems: list[str]


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """Some lines that a build or a function wrote."""

    seq: int
    time: datetime
    function: str
    revision: str = ""
    text: str


class SecretView(msgspec.Struct, frozen=True, kw_only=True):
    """A secret as it is listed."""

    forge: str
    of: str  # owner/name, or the owner: for all of their projects
    name: str
    set: datetime
    by: str
    key_id: str  # "" of a sealed one, which the cluster opens
    environments: tuple[Kind, ...] = (PRODUCTION,)
    sealed: bool = False  # in the repository's secrets.yml, by its name there; else set here
    keys: tuple[str, ...] = ()  # files that a function finds of a sealed one
    sha: str = ""  # the commit that a sealed one comes from


class SecretWritten(msgspec.Struct, frozen=True, kw_only=True):
    """What was written."""

    forge: str
    of: str
    name: str
    seq: int  # a read with after=<seq> knows of it


class DomainView(msgspec.Struct, frozen=True, kw_only=True):
    """A host of the operator's own, and where it leads."""

    host: str
    label: str
    function: str  # "": all of the tenant's
    mapped: datetime
    by: str


class DomainWritten(msgspec.Struct, frozen=True, kw_only=True):
    """What was written."""

    host: str
    seq: int  # a read with after=<seq> knows of it


def function_view(row: Function, url: str) -> FunctionView:
    """Return a function and, once it is live, its URL."""
    fields = msgspec.structs.asdict(row)
    return FunctionView(**fields, url=url if row.revision else "")


def run_item(run: Run, now: datetime) -> RunItem:
    """Return a run in a list."""
    fall = waterfall(run, now)
    failures = (part.message for part in run.parts.values() if part.failed)
    return RunItem(
        id=run.id,
        seq=run.seq,
        project=run.name,
        environment=run.environment,
        branch=run.branch,
        sha=run.sha,
        pusher=run.pusher,
        outcome=run.outcome,
        message=run.message or next(failures, ""),
        functions=list(run.parts),
        queued=run.queued,
        ended=run.ended,
        total_ms=fall.total_ms,
        own_ms=fall.own_ms,
    )


def run_view(run: Run, now: datetime, urls: dict[str, str]) -> RunView:
    """Return a run and all its steps."""
    fall = waterfall(run, now)
    return RunView(
        **msgspec.structs.asdict(run_item(run, now)),
        generation=run.generation,
        label=run.label,
        by=run.by,
        asked=run.asked,
        reason=run.reason,
        promotes=run.promotes,
        pull=run.pull,
        start=fall.start,
        steps=fall.steps,
        parts=list(run.parts.values()),
        urls=urls,
        waits=run.waits,
        warnings=[str(problem) for problem in run.warnings],
        problems=[str(problem) for problem in run.problems],
    )


def fall_of(view: RunView) -> Waterfall:
    """Return the waterfall that a view carries."""
    return Waterfall(start=view.start, total_ms=view.total_ms, own_ms=view.own_ms, steps=view.steps)


class Deploy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One function of one run, from the moment on that it was being started."""

    run: str
    project: str  # owner/name
    environment: str
    label: str
    function: str
    revision: str
    status: Literal["deploying", "live", "replaced", "failed"]
    sha: str
    image: str = ""  # its digest
    pusher: str = ""
    asked: str = ""  # who wanted it, where no push did
    reason: str = ""
    promotes: str = ""  # the run whose artefacts these are
    begun: datetime
    ended: datetime | None = None
    took_ms: int = 0  # since its run was queued
    start_ms: int = 0
    seq: int = 0  # of the fact that it was seen ready
    message: str = ""  # why it failed
