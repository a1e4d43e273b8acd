"""Clearing: artefacts that no kept revision needs are deleted, and recorded one by one.

Reads   the fold of artefacts.py
Writes  archive.collected/1, image.collected/1
Calls   Shelves: where artefacts lie
Twice   is harmless: what is deleted is deleted again, and its fact has the id of what named it

Content has one name, whoever made it: while a run is open anywhere, it may be about to name what
lies there already. So nothing is deleted then, nor what was named within the last hours.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import structlog

from bus.fold import Fold
from bus.log import EventLog
from consumers.collector.artefacts import Artefacts, Made, unneeded
from schemas.envelope import Aggregate
from schemas.errors import IdReused, PushlineError
from schemas.events.archive import ArchiveCollected
from schemas.events.image import ImageCollected

NAME: Final = "collector"
KEEP: Final = 5  # revisions of each function
AGE: Final = timedelta(hours=24)  # since an artefact was named last
EVERY: Final = 600.0  # seconds between two looks

log = structlog.get_logger(__name__)


class Shelves(Protocol):
    """Where artefacts lie; shared between tasks. Raises Retry where a store does not answer."""

    async def delete(self, made: Made) -> bool:
        """Remove an artefact, harmless when it is gone; False where nothing is ever removed."""
        ...


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Clearing:
    """Looks, and deletes."""

    events: EventLog
    fold: Fold[Artefacts]
    shelves: Shelves
    keep: int = KEEP
    age: timedelta = AGE
    now: Callable[[], datetime] = _now
    _told: set[str] = field(default_factory=set, init=False)  # projects whose registry refuses

    async def step(self) -> int:
        """Delete what can go now; return how much it was.

        What cannot be deleted stays until the next time, and holds nothing else up.
        """
        await self.fold.reached(await self.events.head())
        done = 0
        for project, key, made in unneeded(self.fold.rows, self.keep, self.now() - self.age):
            await self.fold.reached(await self.events.head())
            if any(row.open for row in self.fold.rows.values()):
                log.info("clearing_waits", why="a run is open")
                break
            if key not in self.fold.rows[project].made:
                continue  # another process was quicker
            try:
                await self._clear(self.fold.rows[project], made)
            except PushlineError as error:
                log.info("artefact_not_deleted", artefact=key, why=error.message)
                continue
            done += 1
        return done

    async def _clear(self, row: Artefacts, made: Made) -> None:
        deleted = await self.shelves.delete(made)
        if not deleted and row.name not in self._told:
            self._told.add(row.name)
            log.warning("registry_deletes_nothing", project=row.name, image=made.reference)
        fact: ArchiveCollected | ImageCollected
        if made.kind == "image":
            fact = ImageCollected(made.named, made.reference, deleted)
        else:
            fact = ArchiveCollected(made.kind, made.named)
        kind = "image" if made.kind == "image" else "archive"
        of = Aggregate(row.forge, row.project, kind, made.digest)
        id = f"{NAME}:{row.forge}:{row.project}:{made.digest}:{made.kind}:{made.named}"
        with suppress(IdReused):  # another process was quicker, and found it otherwise
            await self.events.append(fact, of=of, id=id, actor=NAME, name=row.name)
        log.info("artefact_collected", project=row.name, kind=made.kind, digest=made.digest)


class Steps(Protocol):
    """Whatever looks, and deletes what can go."""

    async def step(self) -> int:
        """Delete what can go now; return how much it was."""
        ...


async def keep_clear(clearing: Steps, stopping: asyncio.Event, every: float = EVERY) -> None:
    """Look now and then until told to stop; somebody else runs the fold."""
    while not stopping.is_set():
        await clearing.step()
        try:
            async with asyncio.timeout(every):
                await stopping.wait()
        except TimeoutError:
            continue
