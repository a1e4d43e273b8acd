"""Revocations: the snapshots of a fold that one has come to are written at once.

A router that is killed right after it, and starts again while the log is away, knows of it.
"""

import asyncio
from typing import Any, Final

import structlog

from bus.fold import Fold
from edge.auth.book import Book
from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.key import KeyRetired
from schemas.events.session import SessionSignedOut
from schemas.events.tenant import TenantMemberSet
from schemas.events.token import TokenRevoked

log = structlog.get_logger(__name__)

REVOKES: Final = (SessionSignedOut, TokenRevoked, KeyRetired, TenantMemberSet)


class KeptAtOnce:
    """Watches the folds of a book."""

    def __init__(self, book: Book) -> None:
        """Begin with nothing to write."""
        self._due: set[Fold[Any]] = set()
        self._there = asyncio.Event()
        for fold in book.folds:
            self._watch(fold)

    def _watch(self, fold: Fold[Any]) -> None:
        def changed(_key: str, _row: Any, event: Recorded[Event] | None) -> None:
            if event is not None and isinstance(event.fact, REVOKES):
                self._due.add(fold)
                self._there.set()

        fold.changed.append(changed)

    async def run(self) -> None:
        """Write for ever; a disk that is full takes nothing from what is served."""
        while True:
            await self._there.wait()
            self._there.clear()
            due, self._due = self._due, set()
            for fold in due:
                try:
                    await fold.save()
                except OSError as error:
                    log.warning("snapshot_not_written", fold=fold.name, error=str(error))
