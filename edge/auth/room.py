"""All of auth in one process that writes, put together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from bus.log import EventLog
from edge.auth.book import Book
from edge.auth.denials import Denials
from edge.auth.desk import AuthDesk
from edge.auth.keys import Keys
from edge.auth.settings import AuthSettings
from edge.auth.verifier import Verifier
from schemas.errors import PushlineError

log = structlog.get_logger(__name__)

TENDED_EVERY: Final = 600.0  # seconds between two looks for keys that are outlived


@dataclass(frozen=True, slots=True)
class Auth:
    """What edge asks who somebody is, and tells who signed in."""

    settings: AuthSettings
    book: Book
    verifier: Verifier
    desk: AuthDesk

    @classmethod
    def make(
        cls, settings: AuthSettings, events: EventLog, keys: Path, snapshots: Path | None
    ) -> "Auth":
        """Return auth whose private keys lie in a folder; whoever makes it runs ``book.folds``."""
        book = Book.make(snapshots)
        verifier = Verifier(book, settings)
        desk = AuthDesk(events, book, Keys(keys, events, book, settings), Denials(), settings)
        return cls(settings, book, verifier, desk)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Record denials and tend the keys meanwhile; sessions can be verified in a moment."""
        events = self.desk.events
        tasks = [
            asyncio.create_task(asyncio.to_thread(self.verifier.prepare), name="verifier"),
            asyncio.create_task(self.desk.denials.run(events), name="denials"),
            asyncio.create_task(self._tend(), name="signing-keys"),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()

    async def _tend(self) -> None:
        while True:
            await asyncio.sleep(TENDED_EVERY)
            try:
                for kid in await self.desk.keys.retire_outlived():
                    log.info("key_retired", kid=kid)
            except PushlineError as error:
                log.warning("keys_not_tended", code=error.code, message=error.message)
