"""Deploys under ``/api``: every time that a function was to become live, and what came of it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from edge.api.queries import After, Asks, Limit
from edge.api.runs import Part, Run
from edge.api.shapes import Deploy, Page
from edge.api.then import READS
from edge.api.views import Sees, Views, reached

Before = Annotated[int, QueryParameter(ge=0, description="of the page before; 0: the first page")]
OfProject = Annotated[str, QueryParameter(description="owner/name, or the forge's own id")]


@get("/deploys", dependencies=READS, summary="What was deployed, newest first")
async def deploys(
    *,
    views: NamedDependency[Views],
    asking: Asks,
    project: OfProject = "",
    environment: FromQuery[str] = "",
    function: FromQuery[str] = "",
    limit: Limit = 20,
    cursor: Before = 0,
    after: After = 0,
) -> Page[Deploy]:
    """Return deployments; all of a run stand on the same page."""
    seq = await reached(views.runs, after)
    items: list[Deploy] = []
    last = 0
    for run in reversed(views.runs.rows.values()):
        if cursor and run.seq >= cursor:
            continue
        if project not in ("", run.name, run.project) or environment not in ("", run.environment):
            continue
        found = [one for one in of_run(views, run) if function in ("", one.function)]
        if not found or not views.seen(run, asking.sees):
            continue
        if len(items) >= limit:
            return Page(items=items, seq=seq, cursor=str(last))
        items += found
        last = run.seq
    return Page(items=items, seq=seq)


HANDLERS: Final[tuple[Any, ...]] = (deploys,)


def of_run(views: Views, run: Run) -> Iterator[Deploy]:
    """Yield what a run has begun to deploy."""
    for part in run.parts.values():
        if part.deploy_started is not None:
            yield _deploy(views, run, part, part.deploy_started)


def of_function(
    views: Views, label: str, function: str, environment: str, sees: Sees
) -> list[Deploy]:
    """Return what was live of a function, newest first, by the moment that it became so."""
    found = [
        deploy
        for run in views.runs.rows.values()
        if (run.label, run.environment) == (label, environment) and function in run.parts
        for deploy in of_run(views, run)
        if deploy.function == function and deploy.seq and views.seen(run, sees)
    ]
    return sorted(found, key=lambda deploy: -deploy.seq)


def _deploy(views: Views, run: Run, part: Part, begun: datetime) -> Deploy:
    ended = part.deployed or part.failed
    return Deploy(
        run=run.id,
        project=run.name,
        environment=run.environment,
        label=run.label,
        function=part.function,
        revision=part.revision,
        status=_status(views, run, part),
        sha=run.sha,
        image=part.image,
        pusher=run.pusher,
        asked=run.asked,
        reason=run.reason,
        promotes=run.promotes,
        begun=begun,
        ended=ended,
        took_ms=round((ended - run.queued).total_seconds() * 1000) if ended else 0,
        start_ms=part.start_ms,
        seq=part.seq,
        message=part.message if part.failed else "",
    )


def _status(
    views: Views, run: Run, part: Part
) -> Literal["deploying", "live", "replaced", "failed"]:
    if part.failed:
        return "failed"
    if not part.deployed:
        return "deploying"
    key = f"{run.forge}:{run.project}:{run.environment}/{part.function}"
    now = views.functions.rows.get(key)
    return "live" if now is not None and now.run == run.id else "replaced"
