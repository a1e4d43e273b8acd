"""Anchors: the chain's head, said in the log, out of reach of who can write the file.

A fact every 1,000 records, or each minute in which something happened. Every replica compares
each of them with its own chain: two that do not agree are found by the next one.
"""

import time
from typing import Final

import structlog

from bus.connection import Bus
from bus.log import Guard
from bus.pull import Message
from consumers.audit import instruments
from consumers.audit.file import RecordFile
from consumers.audit.reading import line_after
from consumers.audit.record import Line, checked, parse
from schemas import catalog, subjects
from schemas.envelope import Aggregate
from schemas.errors import Conflict, GiveUp, IdReused, LogUnavailable
from schemas.events.audit import AuditAnchored
from schemas.ids import event_id, tag_of

log = structlog.get_logger(__name__)

RECORD: Final = Aggregate("", "", "audit", "record")
EVERY: Final = 1000  # records
OFTEN: Final = 60.0  # seconds
REMEMBERED: Final = 10_000  # hashes; an older one is read from the file

_TAG: Final = tag_of(AuditAnchored)
_SUBJECT: Final = subjects.subject(RECORD, AuditAnchored).encode()


class RecordForked(GiveUp):
    """Two records of one log differ: somebody changed one of them, or the log.

    `pushline audit verify --whole --log` tells which line of this one differs from the log.
    """

    code = "record_forked"


class Anchors:
    """Compares the anchors that come by with the chain, and adds to them."""

    def __init__(self, bus: Bus, file: RecordFile) -> None:
        """Write to the log of ``bus``; older hashes are looked up in ``file``."""
        self._bus = bus
        self._file = file
        self._hashes: dict[int, str] = {}
        self._last = AuditAnchored(seq=0, hash="")
        self._guard = 0  # where the last one stands in the log
        self._news = 0  # the last record of something else than an anchor
        self._when = time.monotonic()

    async def begin(self) -> None:
        """Learn of the last anchor that there is; RecordForked if it speaks of another chain."""
        if self._file.last is not None and parse(self._file.last.text).what != _TAG:
            self._news = self._file.seq
        if (found := await self._bus.log.last(RECORD, AuditAnchored)) is not None:
            self._know(found.fact, found.seq)
            if found.fact.seq <= self._file.seq:
                self._compare(found.fact)

    def passed(self, message: Message, line: Line) -> None:
        """Take note of a record; RecordForked when it is an anchor of another chain."""
        self._hashes[line.seq] = line.hash
        if len(self._hashes) > REMEMBERED:
            del self._hashes[next(iter(self._hashes))]
        if message.raw.subject != _SUBJECT:
            self._news = line.seq
            return
        anchor = catalog.decode(_TAG, message.raw.body)
        if isinstance(anchor, AuditAnchored):
            self._compare(anchor)
            if message.seq >= self._guard:
                self._know(anchor, message.seq)

    def due(self) -> bool:
        """Tell whether the head is to be said."""
        if self._news <= self._last.seq:
            return False
        many = self._file.seq - self._last.seq >= EVERY
        return many or time.monotonic() - self._when >= OFTEN

    async def say(self) -> None:
        """Say the head, unless another replica has just done it; RecordForked as ``passed``."""
        fact = AuditAnchored(seq=self._file.seq, hash=self._file.hash)
        guard = Guard(over=subjects.history(RECORD), seq=self._guard)
        id = event_id("audit", str(fact.seq), fact)
        try:
            at = await self._bus.log.append(fact, of=RECORD, id=id, actor="audit", guard=guard)
            self._know(fact, at)
        except Conflict:
            await self.begin()
        except IdReused as error:
            raise RecordForked(f"another record has another hash at #{fact.seq}") from error
        except LogUnavailable as error:
            log.info("anchor_postponed", seq=fact.seq, why=str(error))
            self._when = time.monotonic()

    def _know(self, anchor: AuditAnchored, at: int) -> None:
        self._last, self._guard, self._when = anchor, at, time.monotonic()
        instruments.anchored.set(anchor.seq)

    def _compare(self, anchor: AuditAnchored) -> None:
        hash = self._hashes.get(anchor.seq)
        if hash is None and anchor.seq:
            hash = checked(line_after(self._file.path, anchor.seq - 1), None).hash
        if anchor.seq and hash != anchor.hash:
            raise RecordForked(
                f"#{anchor.seq} has the hash {hash} here, and {anchor.hash} in the log's anchor",
                hint="`pushline audit verify --whole --log` names the line that is not the log's",
            )
