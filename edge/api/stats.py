"""`GET /api/stats`: lead time, failures, how often something goes live."""

from datetime import timedelta
from typing import Annotated, Any, Final

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from edge.api.dora import StatsView, measured
from edge.api.queries import After, Asks
from edge.api.then import READS
from edge.api.views import Views, reached

OfProject = Annotated[
    str,
    QueryParameter(description="owner/name, or the forge's own id; empty: all that you may see"),
]
OfEnvironment = Annotated[
    str, QueryParameter(description="as production or branch-dev; empty: all of them")
]


@get("/stats", dependencies=READS, summary="How fast, how often and how well things go live")
async def stats(
    *,
    views: NamedDependency[Views],
    asking: Asks,
    project: OfProject = "",
    environment: OfEnvironment = "production",
    days: Annotated[int, QueryParameter(ge=1, le=366, description="how far back")] = 30,
    after: After = 0,
) -> StatsView:
    """Return the numbers of all projects together and of each, and a row a day."""
    seq = await reached(views.runs, after)
    until = views.now()
    found = (
        (views.name_of(run.forge, run.project, run.name), run)
        for run in views.runs.rows.values()
        if environment in {"", run.environment} and views.seen(run, asking.sees)
    )
    wanted = ((name, run) for name, run in found if project in {"", name, run.project})
    return measured(wanted, until - timedelta(days=days), until, seq)


HANDLERS: Final[tuple[Any, ...]] = (stats,)
