"""Previews under ``/api``: those that are open, where they answer, and their end."""

import uuid
from typing import Annotated, Any, Final

import msgspec
from litestar import delete, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter, SkipValidation

from bus.log import EventLog
from edge.api.asked import PreviewAsked, PreviewView
from edge.api.environments import Environment
from edge.api.queries import After, Asks, Cursor, Limit
from edge.api.shapes import Page
from edge.api.targets import newest_run, preview_of, project_of
from edge.api.then import READS
from edge.api.views import Views, reached
from edge.auth.policy import Resource
from schemas.envelope import Aggregate
from schemas.events.environment import EnvironmentCloseRequested

OfProject = Annotated[str, QueryParameter(description="owner/name, or the forge's own id")]


@get("/previews", dependencies=READS, summary="Previews that are open")
async def previews(
    *,
    views: NamedDependency[Views],
    asking: Asks,
    project: OfProject = "",
    limit: Limit = 100,
    cursor: Cursor = "",
    after: After = 0,
) -> Page[PreviewView]:
    """Return previews by project and name."""
    seq = await reached(views.environments, after)
    rows = {
        f"{row.name} {row.environment} {row.forge}": row
        for row in views.environments.rows.values()
        if project in ("", row.name, row.project) and views.seen(row, asking.sees)
    }
    names = sorted(name for name in rows if name > cursor)
    items = [_view(views, rows[name]) for name in names[:limit]]
    return Page(items=items, seq=seq, cursor=names[limit - 1] if len(names) > limit else "")


@delete("/previews/{environment:str}", status_code=200, summary="End a preview")
async def close(
    *,
    views: NamedDependency[Views],
    event_log: NamedDependency[SkipValidation[EventLog]],
    asking: Asks,
    environment: FromPath[str],
    project: FromQuery[str],
    forge: FromQuery[str] = "",
    reason: FromQuery[str] = "",
) -> PreviewAsked:
    """Ask for the end of a preview before its time; a later push opens it anew."""
    row = project_of(views, project, forge, asking.sees)
    asking.need("run", Resource.of(row.forge, row.name))
    preview_of(views, row, environment)
    of = Aggregate(row.forge, row.project, "environment", environment)
    id = f"edge:{uuid.uuid4()}:environment.close-requested"
    fact = EnvironmentCloseRequested(reason[:1000])
    seq = await event_log.append(fact, of=of, id=id, actor=asking.actor, name=row.name)
    return PreviewAsked(environment=environment, seq=seq)


HANDLERS: Final[tuple[Any, ...]] = (previews, close)


def _view(views: Views, row: Environment) -> PreviewView:
    project = views.projects.rows.get(f"{row.forge}:{row.project}")
    run = newest_run(views, project, row.environment) if project else None
    urls = {
        each.function: views.url(each.label, each.environment, each.function)
        for each in views.functions.rows.values()
        if (each.forge, each.project, each.environment) == (row.forge, row.project, row.environment)
        and each.revision
    }
    return PreviewView(
        **msgspec.structs.asdict(row),
        run=run.id if run else "",
        sha=run.sha if run else "",
        outcome=run.outcome if run else "",
        urls=urls,
    )
