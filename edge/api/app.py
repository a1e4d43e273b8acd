"""The Litestar application under ``/api``."""

from typing import Annotated, Any

from litestar import Litestar, Router, get
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.params import Parameter
from litestar.response import ServerSentEvent

from bus.lines import Lines
from edge.api import problems
from edge.api.logs import latest, sent, source_of_function, source_of_run
from edge.api.projects import Project
from edge.api.shapes import FunctionView, LogLine, Page, RunItem, RunView
from edge.api.views import Views
from schemas.errors import PushlineError

After = Annotated[
    int, Parameter(ge=0, description="wait until what is read is true at this sequence of the log")
]
Limit = Annotated[int, Parameter(ge=1, le=500, description="at most so many")]
LineLimit = Annotated[int, Parameter(ge=1, le=10_000, description="at most so many, the newest")]
Cursor = Annotated[str, Parameter(description="of the page before; empty: the first page")]
RunCursor = Annotated[int, Parameter(ge=0, description="of the page before; 0: the first page")]
OfProject = Annotated[str, Parameter(description="owner/name, or the forge's own id")]


@get("/projects", summary="The repositories that Pushline knows")
async def projects(
    *, views: Views, limit: Limit = 50, cursor: Cursor = "", after: After = 0
) -> Page[Project]:
    """Return projects by name."""
    return await views.page_of_projects(limit, cursor, after)


@get("/runs", summary="Runs, newest first")
async def runs(
    *,
    views: Views,
    project: OfProject = "",
    limit: Limit = 20,
    cursor: RunCursor = 0,
    after: After = 0,
) -> Page[RunItem]:
    """Return what pushes set off."""
    return await views.page_of_runs(project, limit, cursor, after)


@get("/runs/{run:str}", summary="One run and its waterfall")
async def run(*, views: Views, run: str, after: After = 0) -> RunView:
    """Return a run by its id, the start of it, or the start of its commit's sha."""
    return await views.one_run(run, after)


@get("/runs/{run:str}/logs", summary="What the builds of a run wrote")
async def run_logs(
    *, views: Views, lines: Lines, run: str, follow: bool = False, limit: LineLimit = 1000
) -> Page[LogLine] | ServerSentEvent:
    """Return the lines of all builds; with ``follow`` as server-sent events."""
    row = views.runs.rows[(await views.one_run(run, 0)).id]
    filter = source_of_run(row)
    return sent(lines, filter, limit) if follow else await latest(lines, filter, limit)


@get("/functions", summary="All functions, and where they answer")
async def functions(
    *, views: Views, project: OfProject = "", after: After = 0
) -> Page[FunctionView]:
    """Return what is deployed where."""
    return await views.page_of_functions(project, after)


@get("/functions/{label:str}/{name:str}", summary="One function")
async def function(
    *, views: Views, label: str, name: str, environment: str = "production", after: After = 0
) -> FunctionView:
    """Return one function of a tenant."""
    return await views.one_function(label, name, environment, after)


@get("/functions/{label:str}/{name:str}/logs", summary="What a function wrote")
async def function_logs(
    *,
    views: Views,
    lines: Lines,
    label: str,
    name: str,
    environment: str = "production",
    follow: bool = False,
    limit: LineLimit = 200,
) -> Page[LogLine] | ServerSentEvent:
    """Return its newest lines; with ``follow`` those and all that come, as server-sent events."""
    filter = source_of_function(await views.one_function(label, name, environment, 0))
    return sent(lines, filter, limit) if follow else await latest(lines, filter, limit)


def create(views: Views, lines: Lines, *, version: str) -> Litestar:
    """Return the application; ``views`` and ``lines`` are shared by all requests."""
    routes: list[Any] = [projects, runs, run, run_logs, functions, function, function_logs]
    return Litestar(
        [Router("/api", route_handlers=routes)],
        dependencies={
            "views": Provide(lambda: views, sync_to_thread=False),
            "lines": Provide(lambda: lines, sync_to_thread=False),
        },
        logging_config=None,  # the process has set up its own
        exception_handlers={
            PushlineError: problems.of_pushline,
            HTTPException: problems.of_http,
            Exception: problems.of_any,
        },
        openapi_config=OpenAPIConfig(
            title="Pushline",
            version=version,
            description="What was pushed, built and deployed. Read only.",
            path="/api",
            render_plugins=[JsonRenderPlugin(path="/openapi.json")],
            security=[{"token": []}],
            components=Components(
                security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}
            ),
        ),
    )
