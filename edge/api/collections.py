"""Removals under ``/api``: those that are announced, and keeping what would go."""

from contextlib import suppress
from typing import Annotated, Any, ClassVar, Final

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter, SkipValidation

from bus.log import EventLog, Guard
from edge.api.announced import Announced
from edge.api.asked import Undone
from edge.api.problems import NotFound
from edge.api.queries import After, Asks, Cursor, Limit
from edge.api.shapes import Page
from edge.api.then import READS
from edge.api.views import Views, reached
from edge.auth.asking import Asking
from edge.auth.policy import Resource
from schemas import subjects
from schemas.envelope import Aggregate
from schemas.errors import Conflict, PushlineError
from schemas.events.collection import CollectionCancelled

MOVES: Final = 20  # times that somebody may write between our look and our fact
OfProject = Annotated[str, QueryParameter(description="owner/name, or the forge's own id")]


class CollectionBusy(PushlineError):
    """So much happens to a project that a removal could not be taken back."""

    code = "collection_busy"
    status: ClassVar = 409


class Undo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why it is to stay."""

    reason: Annotated[str, msgspec.Meta(max_length=1000)] = ""


@get("/collections", dependencies=READS, summary="Functions that are about to go, and why")
async def collections(
    *,
    views: NamedDependency[Views],
    asking: Asks,
    project: OfProject = "",
    limit: Limit = 100,
    cursor: Cursor = "",
    after: After = 0,
) -> Page[Announced]:
    """Return removals that are announced, by project and function."""
    seq = await reached(views.announced, after)
    rows = {
        f"{row.name} {row.environment}/{row.function} {row.forge}": row
        for row in views.announced.rows.values()
        if not row.kept and project in ("", row.name, row.project) and views.seen(row, asking.sees)
    }
    names = sorted(name for name in rows if name > cursor)
    items = [rows[name] for name in names[:limit]]
    return Page(items=items, seq=seq, cursor=names[limit - 1] if len(names) > limit else "")


@post("/collections/{collection:int}/undo", status_code=200, summary="Keep what would go")
async def undo(
    *,
    views: NamedDependency[Views],
    event_log: NamedDependency[SkipValidation[EventLog]],
    asking: Asks,
    collection: FromPath[int],
    data: JSONBody[Undo],
) -> Undone:
    """Take a removal back before its time; another reason to remove it is announced anew."""
    for _ in range(MOVES):
        row = await _row(views, asking, collection, 0)
        over = f"ev.{subjects.encode(row.forge)}.{subjects.encode(row.project)}.>"
        seq = await event_log.last_seq(over)
        row = await _row(views, asking, collection, seq)  # it may have gone meanwhile
        if row.kept:
            return _undone(row, row.kept)
        place = f"{row.environment}/{row.function}"
        of = Aggregate(row.forge, row.project, "collection", place)
        fact = CollectionCancelled(row.because, data.reason)
        id = f"edge:{collection}:collection.cancelled"
        guard = Guard(over, seq)
        with suppress(Conflict):
            done = await event_log.append(
                fact, of=of, id=id, actor=asking.actor, name=row.name, guard=guard
            )
            return _undone(row, done)
    raise CollectionBusy(f"removal {collection} could not be taken back", hint="ask again")


HANDLERS: Final[tuple[Any, ...]] = (collections, undo)


def _undone(row: Announced, seq: int) -> Undone:
    return Undone(
        id=row.id, label=row.label, environment=row.environment, function=row.function, seq=seq
    )


async def _row(views: Views, asking: Asking, id: int, after: int) -> Announced:
    """Return a removal as it stands at a sequence, to whoever may keep it."""
    await reached(views.announced, after)
    for row in views.announced.rows.values():
        if row.id == id and views.seen(row, asking.sees):
            name = views.name_of(row.forge, row.project, row.name)
            asking.need("configure", Resource.of(row.forge, name))
            return row
    raise NotFound(
        f"no removal {id} is to come",
        hint="`pushline collect ls` shows those that are; what is gone comes back with a push",
    )
