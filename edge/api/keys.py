"""Signing keys under ``/api``, for operators: which there are, a new one, and the end of one."""

from typing import Any, Final

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from edge.api.asked import KeyView, KeyViews, KeyWritten
from edge.api.queries import Asks
from edge.auth.book import Book
from edge.auth.desk import AuthDesk


@get("/keys", summary="The keys that sign people in")
async def keys(*, auth_book: NamedDependency[SkipValidation[Book]], asking: Asks) -> KeyViews:
    """Return all of them, newest first; their private halves are nowhere but in a file."""
    asking.need("operate")
    rows = sorted(auth_book.keys.rows.items(), key=lambda row: row[1].published, reverse=True)
    return KeyViews(
        items=[KeyView(kid=kid, published=row.published, retired=row.retired) for kid, row in rows]
    )


@post("/keys", status_code=200, summary="Sign people in by a new key")
async def rotate(
    *, auth_desk: NamedDependency[SkipValidation[AuthDesk]], asking: Asks
) -> KeyWritten:
    """Make a key, which signs in a moment; who is signed in stays so."""
    asking.need("operate")
    kid = await auth_desk.keys.rotate(by=asking.actor)
    return KeyWritten(kid=kid, seq=auth_desk.book.keys.seq)


@delete("/keys/{kid:str}", status_code=200, summary="Retire a signing key")
async def retire(
    *,
    auth_desk: NamedDependency[SkipValidation[AuthDesk]],
    asking: Asks,
    kid: FromPath[str],
) -> KeyWritten:
    """Let nothing that a key signed be good any more: whoever has a session by it signs in anew."""
    asking.need("operate")
    seq = await auth_desk.keys.retire(kid, by=asking.actor, reason="by hand")
    return KeyWritten(kid=kid, seq=seq)


HANDLERS: Final[tuple[Any, ...]] = (keys, rotate, retire)
