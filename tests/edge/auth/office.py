"""All of auth on a real log, as the platform runs it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from bus.connection import Bus
from edge.auth.book import Book
from edge.auth.denials import Denials
from edge.auth.desk import AuthDesk
from edge.auth.keys import Keys
from edge.auth.people import Person
from edge.auth.room import Auth
from edge.auth.settings import AuthSettings
from edge.auth.verifier import Verifier
from schemas.people import Membership

HOST = "alice.localhost"
ALICE = Person("github:1", "github:Alice", (Membership("github", "alice", "owner"),))
BOB = Person("github:2", "github:Bob")
AT_ONCE = timedelta(0)


@asynccontextmanager
async def office(
    bus: Bus,
    folder: Path,
    settings: AuthSettings | None = None,
    *,
    settled: timedelta = AT_ONCE,
) -> AsyncIterator[Auth]:
    """Yield auth whose private keys lie in a folder, its folds running."""
    chosen = settings or AuthSettings()
    book = Book.make(None)
    verifier = Verifier(book, chosen)
    verifier.prepare()
    keys = Keys(folder, bus.log, book, chosen, settled=settled)
    auth = Auth(chosen, book, verifier, AuthDesk(bus.log, book, keys, Denials(), chosen))
    folding = [asyncio.create_task(fold.run(bus.follow)) for fold in book.folds]
    try:
        yield auth
    finally:
        for task in folding:
            task.cancel()
        await asyncio.gather(*folding, return_exceptions=True)


async def sign_in(
    auth: Auth, person: Person = ALICE, *, attempt: str = "state", host: str = HOST
) -> str:
    """Sign somebody in; return the token of that host."""
    signed = await auth.desk.sign_in(
        person, attempt=attempt, via="github", source="192.0.2.0/24", host=host
    )
    return signed.token
