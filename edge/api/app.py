"""The Litestar application under ``/api``."""

from functools import partial
from typing import Annotated, Any, Final

from litestar import Litestar, Request, Router, get
from litestar.di import NamedDependency, Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, ExternalDocumentation, SecurityScheme
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import ServerSentEvent

from bus.buildlogs import BuildLogs
from bus.connection import Bus
from bus.lines import Lines
from bus.log import EventLog
from bus.usage import UsageLog
from edge.api import (
    access,
    approvals,
    collections,
    configuring,
    deadletters,
    deploys,
    domains,
    events,
    keys,
    members,
    previews,
    quotas,
    refusals,
    releases,
    run_requests,
    secrets,
    stats,
    tokens,
)
from edge.api.answers import Answers
from edge.api.contract import asyncapi
from edge.api.domain_book import DomainBook
from edge.api.logs import latest, of_builds, sent, source_of_function, source_of_run
from edge.api.projects import Project
from edge.api.queries import After, Asks, Cursor, Limit
from edge.api.secret_store import SecretStore
from edge.api.shapes import FunctionView, LogLine, Page, RunItem, RunView
from edge.api.tailing import Tails
from edge.api.then import READS, Then, has_past
from edge.api.usage import usage
from edge.api.views import Views
from edge.auth.room import Auth
from edge.auth.roster import Roster
from schemas.errors import PushlineError
from schemas.secrets import SecretInvalid, SecretMissing

LineLimit = Annotated[
    int, QueryParameter(ge=1, le=10_000, description="at most so many, the newest")
]
RunCursor = Annotated[
    int, QueryParameter(ge=0, description="of the page before; 0: the first page")
]
OfProject = Annotated[str, QueryParameter(description="owner/name, or the forge's own id")]


@get("/projects", dependencies=READS, summary="The repositories that Pushline knows")
async def projects(
    *,
    views: NamedDependency[Views],
    asking: Asks,
    limit: Limit = 50,
    cursor: Cursor = "",
    after: After = 0,
) -> Page[Project]:
    """Return projects by name."""
    return await views.page_of_projects(limit, cursor, after, asking.sees)


@get("/runs", dependencies=READS, summary="Runs, newest first")
async def runs(
    *,
    views: NamedDependency[Views],
    asking: Asks,
    project: OfProject = "",
    limit: Limit = 20,
    cursor: RunCursor = 0,
    after: After = 0,
) -> Page[RunItem]:
    """Return what pushes set off."""
    return await views.page_of_runs(project, limit, cursor, after, asking.sees)


@get("/runs/{run:str}", dependencies=READS, summary="One run and its waterfall")
async def run(
    *, views: NamedDependency[Views], asking: Asks, run: FromPath[str], after: After = 0
) -> RunView:
    """Return a run by its id, the start of it, or the start of its commit's sha."""
    return await views.one_run(run, after, asking.sees)


@get("/runs/{run:str}/logs", summary="What the builds of a run wrote")
async def run_logs(
    *,
    views: NamedDependency[Views],
    lines: NamedDependency[Lines],
    logs: NamedDependency[BuildLogs],
    asking: Asks,
    run: FromPath[str],
    follow: FromQuery[bool] = False,
    limit: LineLimit = 1000,
) -> Page[LogLine] | ServerSentEvent:
    """Return the lines of all builds; with ``follow`` as server-sent events."""
    row = await views.run_row(run, 0, asking.sees)
    if follow:
        allowed = partial(views.seen, row, asking.still_sees)
        return sent(lines, source_of_run(row), limit, allowed)
    return await of_builds(lines, logs, row, limit)


@get("/functions", dependencies=READS, summary="All functions, and where they answer")
async def functions(
    *,
    views: NamedDependency[Views],
    asking: Asks,
    project: OfProject = "",
    limit: Limit = 100,
    cursor: Cursor = "",
    after: After = 0,
) -> Page[FunctionView]:
    """Return what is deployed where, by tenant, environment and name."""
    return await views.page_of_functions(project, limit, cursor, after, asking.sees)


@get("/functions/{label:str}/{name:str}", dependencies=READS, summary="One function")
async def function(
    *,
    views: NamedDependency[Views],
    asking: Asks,
    label: FromPath[str],
    name: FromPath[str],
    environment: FromQuery[str] = "production",
    after: After = 0,
) -> FunctionView:
    """Return one function of a tenant."""
    return await views.one_function(label, name, environment, after, asking.sees)


@get("/functions/{label:str}/{name:str}/logs", summary="What a function wrote")
async def function_logs(
    *,
    views: NamedDependency[Views],
    lines: NamedDependency[Lines],
    asking: Asks,
    label: FromPath[str],
    name: FromPath[str],
    environment: FromQuery[str] = "production",
    follow: FromQuery[bool] = False,
    limit: LineLimit = 200,
) -> Page[LogLine] | ServerSentEvent:
    """Return its newest lines; with ``follow`` those and all that come, as server-sent events."""
    row = await views.one_function(label, name, environment, 0, asking.sees)
    filter = source_of_function(row)
    if follow:
        return sent(lines, filter, limit, partial(views.seen, row, asking.still_sees))
    return await latest(lines, filter, limit)


@get("/openapi.json", include_in_schema=False, media_type="application/vnd.oai.openapi+json")
async def openapi(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Return what this API is, as OpenAPI 3.1."""
    return request.app.openapi_schema.to_schema()


ROUTES: Final[tuple[Any, ...]] = (
    *(projects, runs, run, run_logs, functions, function, function_logs, usage, *stats.HANDLERS),
    *(*secrets.HANDLERS, *domains.HANDLERS, *run_requests.HANDLERS),
    *(
        *previews.HANDLERS,
        *collections.HANDLERS,
        *deploys.HANDLERS,
        *releases.HANDLERS,
        *configuring.HANDLERS,
        *approvals.HANDLERS,
    ),
    *(*members.HANDLERS, *quotas.HANDLERS, *tokens.HANDLERS, *keys.HANDLERS),
    *(*events.HANDLERS, *deadletters.HANDLERS, asyncapi, openapi),
)
REFUSALS: Final[Any] = {
    PushlineError: refusals.of_pushline,
    SecretInvalid: refusals.of_invalid,
    SecretMissing: refusals.of_missing,
    HTTPException: refusals.of_http,
    Exception: refusals.of_any,
}


def create(
    views: Views,
    lines: Lines,
    logs: BuildLogs,
    store: SecretStore,
    *,
    counts: UsageLog,
    book: DomainBook,
    event_log: EventLog,
    auth: Auth,
    then: Then,
    tails: Tails,
    bus: Bus,
    version: str,
) -> Litestar:
    """Return the application; what is given is shared by all requests."""
    shared = _shared(
        then=then,
        views=views,
        lines=lines,
        logs=logs,
        store=store,
        book=book,
        counts=counts,
        event_log=event_log,
        roster=Roster(event_log, auth.book),
        auth_book=auth.book,
        auth_desk=auth.desk,
        bus=bus,
        tails=tails,
    )
    return Litestar(
        [Router("/api", route_handlers=ROUTES, guards=[access.known, has_past])],
        middleware=[Answers()],
        dependencies={"asking": Provide(access.asking), **shared},
        logging_config=None,  # the process has set up its own
        exception_handlers=REFUSALS,
        openapi_config=_described(version),
    )


def _shared(**given: object) -> dict[str, Provide]:
    """Return what hands each of these to the handlers that name it."""

    def giving(value: object) -> Provide:
        return Provide(lambda: value, sync_to_thread=False)

    return {name: giving(value) for name, value in given.items()}


def _described(version: str) -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Pushline",
        version=version,
        description="What was pushed, built and deployed; secrets are set, and never read.",
        path="/api/schema",
        render_plugins=[JsonRenderPlugin()],
        external_docs=ExternalDocumentation(
            url="/api/asyncapi.json", description="the events of the log, as AsyncAPI 3.0"
        ),
        security=[{"token": []}],
        components=Components(
            security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}
        ),
    )
