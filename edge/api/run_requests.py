"""What people ask of runs under ``/api``: to end one, to do one again. The planner decides."""

from typing import Any, ClassVar, Final

from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from bus.log import EventLog
from edge.api.asked import RunAsked
from edge.api.queries import Asks
from edge.api.runs import Run
from edge.api.views import Views
from edge.auth.asking import Asking
from edge.auth.policy import Resource
from schemas.envelope import Aggregate
from schemas.environments import is_preview
from schemas.errors import PushlineError
from schemas.events import Event
from schemas.events.run import RunCancelRequested, RunRerunRequested
from schemas.ids import run_id, tag_of

STOPPABLE: Final = ("queued", "building")


class RunGoesOn(PushlineError):
    """A run is in a state in which what was asked for cannot be done."""

    code = "run_state"
    status: ClassVar = 409


@post("/runs/{run:str}/cancel", status_code=200, summary="End a run")
async def cancel(
    *,
    views: NamedDependency[Views],
    event_log: NamedDependency[SkipValidation[EventLog]],
    asking: Asks,
    run: FromPath[str],
) -> RunAsked:
    """Ask for the end of a run that waits or builds; one that deploys is let finish."""
    row = await _row(views, asking, run)
    if row.outcome not in STOPPABLE:
        raise RunGoesOn(
            f"run {row.id} is {row.outcome} already",
            hint="a run can be cancelled until it has begun to deploy",
        )
    seq = await _ask(event_log, asking, row, RunCancelRequested())
    return RunAsked(run=row.id, seq=seq)


@post("/runs/{run:str}/rerun", status_code=200, summary="Do a run again")
async def rerun(
    *,
    views: NamedDependency[Views],
    event_log: NamedDependency[SkipValidation[EventLog]],
    asking: Asks,
    run: FromPath[str],
) -> RunAsked:
    """Ask for another run of the same commit, where no newer one has taken its place."""
    row = await _row(views, asking, run)
    if row.ended is None:
        raise RunGoesOn(
            f"run {row.id} is {row.outcome}", hint="it can be done again once it has ended"
        )
    if newer := _newest(views, row):
        raise RunGoesOn(
            f"{newer.id} is a newer run of {row.environment}",
            hint="do that one again, or push the commit that you want",
        )
    if is_preview(row.environment) and not _open(views, row):
        raise RunGoesOn(
            f"the preview {row.environment} was closed", hint="push again: that opens it anew"
        )
    seq = await _ask(event_log, asking, row, RunRerunRequested())
    request = await event_log.get(seq)
    return RunAsked(run=run_id(request.id, request.time), seq=seq)


HANDLERS: Final[tuple[Any, ...]] = (cancel, rerun)


async def _row(views: Views, asking: Asking, run: str) -> Run:
    row = await views.run_row(run, 0, asking.sees)
    asking.need("run", Resource.of(row.forge, views.name_of(row.forge, row.project, row.name)))
    return row


def _newest(views: Views, row: Run) -> Run | None:
    """Return the newest run of its environment if that is another one."""
    place = (row.forge, row.project, row.environment)
    newer = [
        each
        for each in views.runs.rows.values()
        if (each.forge, each.project, each.environment) == place
        and each.generation > row.generation
    ]
    return max(newer, key=lambda run: run.generation, default=None)


def _open(views: Views, row: Run) -> bool:
    """Tell whether a run's preview is open."""
    preview = views.environments.rows.get(f"{row.forge}:{row.project}:{row.environment}")
    return preview is not None and preview.opened is not None


async def _ask(events: EventLog, asking: Asking, row: Run, fact: Event) -> int:
    """Append a request, once for a run: who asks twice is answered the same."""
    of = Aggregate(row.forge, row.project, "run", row.id)
    id = f"edge:{row.id}:{tag_of(fact).partition('/')[0]}"
    return await events.append(fact, of=of, id=id, actor=asking.actor, name=row.name)
