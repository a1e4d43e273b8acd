"""Reads of the past: with ``?at=`` a handler is given everything as it was, and knows no better.

Who asks is judged by what holds now: by his rights of today, over whoever owns a project today.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, TypeAlias, TypeVar

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency, Provide
from litestar.handlers.base import BaseRouteHandler
from litestar.params import QueryParameter, SkipValidation

from bus.log import EventLog
from bus.moments import MomentInvalid, Moments, parse
from bus.past import Past, State
from edge.api.secret_store import SecretStore
from edge.api.views import Views
from edge.auth.book import Book
from edge.auth.roster import Roster
from schemas.errors import PushlineError

SEQ: Final = "pushline_seq"  # where in the scope it is told what an answer is true at

At: TypeAlias = Annotated[
    str,
    QueryParameter(
        description="as it was at this sequence of the log, or time: 1842, 2026-01-31T12:00:00Z"
    ),
]
T = TypeVar("T")


class CallerGone(PushlineError):
    """Whoever asked has closed the connection; nobody reads this."""

    code = "caller_gone"
    status: ClassVar = 408  # nobody reads it


@dataclass(frozen=True, slots=True)
class Told:
    """All that reads are answered from."""

    views: Views
    store: SecretStore
    book: Book

    @property
    def seq(self) -> int:
        """Return the sequence that all of it has come to."""
        folds = (*self.views.folds, *self.book.folds)
        return min(self.store.seq, *(fold.seq for fold in folds))


@dataclass(frozen=True, slots=True)
class Then:
    """What a request is told from: what holds now, or held at a moment."""

    now: Told
    past: Past  # of all the folds of ``now``
    made: Callable[[State, datetime], Told]  # of states of the past, at their time
    moments: Moments
    events: EventLog

    async def at(self, text: str) -> Told:
        """Return all as it was; raises MomentInvalid, MomentAhead, PastBusy."""
        seq = await self.moments.sequence(parse(text))
        state = await self.past.at(seq)
        time = (await self.events.get(seq)).time if seq else datetime.fromtimestamp(0).astimezone()
        return self.made(state, time)


Here: TypeAlias = NamedDependency[SkipValidation[Then]]


async def told(request: Request[Any, Any, Any], then: Here, at: At = "") -> Told:
    """Return what this request is answered from, and note the sequence of it."""
    if at and "after" in request.query_params:
        raise MomentInvalid(
            "at: stands beside `after`", hint="leave one of both out: the past waits for nothing"
        )
    found = await while_there(request, then.at(at)) if at else then.now
    scope: dict[str, Any] = request.scope  # type: ignore[assignment] # a key beside ASGI's own
    scope[SEQ] = found.seq
    return found


async def while_there(request: Request[Any, Any, Any], work: Awaitable[T]) -> T:
    """Return what the work does; end it with CallerGone when nobody waits for it any more."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise CallerGone("the caller has left")
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
            with suppress(asyncio.CancelledError, PushlineError):
                await task


async def _left(request: Request[Any, Any, Any]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


Known: TypeAlias = NamedDependency[SkipValidation[Told]]


async def _views(told: Known) -> Views:
    return told.views


async def _store(told: Known) -> SecretStore:
    return told.store


async def _book(told: Known) -> Book:
    return told.book


async def _roster(told: Known, event_log: NamedDependency[EventLog]) -> Roster:
    return Roster(event_log, told.book)


READS: Final = {  # dependencies of a handler that can be asked for the past
    "told": Provide(told),
    "views": Provide(_views),
    "store": Provide(_store),
    "auth_book": Provide(_book),
    "roster": Provide(_roster),
}


def has_past(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guard: raise MomentInvalid where somebody asks for the past of what has none."""
    if "at" in connection.query_params and "told" not in handler.resolve_dependencies():
        raise MomentInvalid(
            f"at: {connection.url.path} has no past to be read",
            hint="leave `at` out",
        )
