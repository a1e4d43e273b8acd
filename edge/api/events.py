"""The log under ``/api``: events and who did what, page by page and as they come."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request, get
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, QueryParameter, SkipValidation
from litestar.types import ASGIApp

from edge.api.eventline import AuditLine, EventLine, audit_line_of, line_of
from edge.api.queries import Asks, Limit
from edge.api.shapes import Page
from edge.api.tailing import Shape, Tails
from edge.api.views import Views
from edge.api.visible import Seer
from edge.api.wanted import Wanted, WantedInvalid, wanted
from edge.api.why import Why
from schemas.envelope import Recorded
from schemas.events import Event

L = TypeVar("L")

Reader = NamedDependency[SkipValidation[Tails]]
Eyes = NamedDependency[SkipValidation[Seer]]
Chosen = Annotated[str, QueryParameter(description="only of these projects, between commas")]
Actors = Annotated[str, QueryParameter(description="only what these did, between commas")]
Kinds = Annotated[str, QueryParameter(description="only these facts: run.*, run.built")]
Since = Annotated[str, QueryParameter(description="10m, 2h, 3d ago, or a time with its zone")]
Until = Annotated[str, QueryParameter(description="the same; a tail ends then")]
Before = Annotated[int, QueryParameter(ge=0, description="of the page before; 0: the newest")]
Behind = Annotated[int, QueryParameter(ge=0, description="only those after this sequence")]
Resume = Annotated[
    int | None,
    QueryParameter(ge=0, description="begin after this sequence; empty: with what comes now"),
]
STREAM = {200: ResponseSpec(bytes, media_type="text/event-stream", generate_examples=False)}


async def _reading(
    *,
    views: NamedDependency[Views],
    asking: Asks,
    project: Chosen = "",
    actor: Actors = "",
    kind: Kinds = "",
    since: Since = "",
    until: Until = "",
) -> Seer:
    """Return what somebody wants to see of the events that he may read."""
    chosen = wanted(project=project, actor=actor, kind=kind, since=since, until=until)
    return Seer(asking, views, chosen, "read")


async def _auditing(seer: Eyes) -> Seer:
    """Return the same of those that he may audit."""
    return Seer(seer.asking, seer.views, seer.wanted, "audit")


READING = {"seer": Provide(_reading)}
AUDITING = {**READING, "eyes": Provide(_auditing)}


@get("/events", summary="The log, newest first", dependencies=READING)
async def events(
    *, tails: Reader, seer: Eyes, limit: Limit = 50, cursor: Before = 0, after: Behind = 0
) -> Page[EventLine]:
    """Return events; a page may have fewer than asked for, and a cursor to go on with."""
    return await _page(tails, seer, line_of, limit=limit, cursor=cursor, after=after)


@get("/events/tail", summary="The log as it grows", dependencies=READING, responses=STREAM)
async def events_tail(
    request: Request[Any, Any, Any], *, tails: Reader, seer: Eyes, after: Resume = None
) -> ASGIApp:
    """Return server-sent events, whose ids are sequences; Last-Event-ID resumes behind it."""
    return await tails.open(seer, _encoded(line_of), _place(request, after))


@get("/events/{seq:int}", summary="One event, whole")
async def event(
    *, tails: Reader, views: NamedDependency[Views], asking: Asks, seq: FromPath[int]
) -> EventLine:
    """Return the event with a sequence."""
    return line_of(await tails.one(Seer(asking, views, Wanted(), "read"), seq))


@get("/events/{seq:int}/why", summary="What led to an event, and what came of it")
async def event_why(
    *, tails: Reader, views: NamedDependency[Views], asking: Asks, seq: FromPath[int]
) -> Why:
    """Return its causes and its effects, of those that may be seen."""
    return await tails.why(Seer(asking, views, Wanted(), "read"), seq)


@get("/audit", summary="Who did what, newest first", dependencies=AUDITING)
async def audit(
    *, tails: Reader, eyes: Eyes, limit: Limit = 50, cursor: Before = 0, after: Behind = 0
) -> Page[AuditLine]:
    """Return what owners may see of their tenants, and operators of all."""
    return await _page(tails, eyes, audit_line_of, limit=limit, cursor=cursor, after=after)


@get("/audit/tail", summary="Who does what, as it happens", dependencies=AUDITING, responses=STREAM)
async def audit_tail(
    request: Request[Any, Any, Any], *, tails: Reader, eyes: Eyes, after: Resume = None
) -> ASGIApp:
    """Return server-sent events, whose ids are sequences; Last-Event-ID resumes behind it."""
    return await tails.open(eyes, _encoded(audit_line_of), _place(request, after))


HANDLERS = (events, events_tail, event, event_why, audit, audit_tail)


async def _page(
    tails: Tails,
    seer: Seer,
    shape: Callable[[Recorded[Event]], L],
    *,
    limit: int,
    cursor: int,
    after: int,
) -> Page[L]:
    found, head, more = await tails.page(seer, limit, cursor, after)
    return Page(items=[shape(event) for event in found], seq=head, cursor=more)


def _encoded(shape: Callable[[Recorded[Event]], object]) -> Shape:
    encode = msgspec.json.Encoder().encode
    return lambda event: encode(shape(event))


def _place(request: Request[Any, Any, Any], after: int | None) -> int | None:
    """Return where to begin: behind what a reader saw last, or where he says."""
    said = request.headers.get("last-event-id", "")
    if said and not (said.isascii() and said.isdecimal() and len(said) < 20):
        raise WantedInvalid("Last-Event-ID is no sequence", hint="send the id that came last")
    return int(said) if said else after
