"""The bus as a replayed consumer sees it: reads answer from history, writes are taken down."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Final

from bus.blobs import Blobs
from bus.follow import Follow
from bus.lines import Lines
from bus.log import Draft, EventLog, Guard, seal
from edge.cli.replay.decisions import DecidedOtherwise, NotRecorded, equal
from edge.cli.replay.playing import Playing
from schemas import subjects
from schemas.envelope import Aggregate, Delivery, E, Recorded
from schemas.errors import BlobMissing, Conflict, EventMissing, IdReused
from schemas.events import Event
from schemas.ids import Digest, digest_of

SMALL: Final = 64 * 1024  # bytes of a blob that is kept
KEPT: Final = 256  # of them


class RecordedLog(EventLog):
    """EVENTS for one decision. Appending the same as in history takes until it happened."""

    def __init__(self, playing: Playing) -> None:
        """Read and write for ``playing``."""
        self._playing = playing
        self._history = playing.stage.history
        self._window = playing.stage.window

    async def append(
        self,
        fact: Event,
        *,
        of: Aggregate,
        id: str,
        cause: Recorded[Event] | Delivery | None = None,
        run: str = "",
        actor: str = "",
        name: str = "",
        guard: Guard | None = None,
    ) -> int:
        """Take one fact down."""
        drafts = [Draft(fact, of, id, guard)]
        return await self.append_all(drafts, cause=cause, run=run, actor=actor, name=name)

    async def append_all(
        self,
        drafts: Sequence[Draft],
        *,
        cause: Recorded[Event] | Delivery | None = None,
        run: str = "",
        actor: str = "",
        name: str = "",
    ) -> int:
        """Take facts down at the moment they were recorded, unless a guard has moved until then.

        Raises as the log does.
        """
        for draft in drafts:
            seal(draft, cause=cause, run=run, actor=actor, name=name)
        known = {fact.id: fact for fact in self._playing.decision.recorded}
        found = [known.get(draft.id) or self._window.find(draft.id) for draft in drafts]
        if (seq := self._again(drafts, found)) is not None:
            return seq
        guards = [draft.guard for draft in drafts if draft.guard is not None]
        if (moment := self._moment(found)) is not None:
            # Decided on what moved before it was recorded, it was decided after that had moved.
            moved = self._window.moved([guard.over for guard in guards], moment - 1)
            await self._playing.until(moved or moment - 1)
        for guard in guards:
            await self._check(guard)
        made = list(zip(drafts, found, strict=True))
        self._playing.attempt.made += made
        if not all(equal(draft, fact) for draft, fact in made) and self._playing.may_try_again:
            raise DecidedOtherwise
        seq = max((fact.seq for fact in found if fact), default=self._history.now)
        await self._playing.until(seq)
        return seq

    def _again(
        self, drafts: Sequence[Draft], found: Sequence[Recorded[Event] | None]
    ) -> int | None:
        """Return the sequence of facts that history has already, as the log does."""
        now = self._history.now
        if not all(fact is not None and fact.seq <= now for fact in found):
            return None
        for draft, fact in zip(drafts, found, strict=True):
            if fact is not None and not equal(draft, fact):
                self._playing.attempt.made.append((draft, fact))
                raise IdReused(f"{draft.id} is event {fact.seq}, with another subject or body")
        self._playing.attempt.made += zip(drafts, found, strict=True)
        return max(fact.seq for fact in found if fact)

    def _moment(self, found: Sequence[Recorded[Event] | None]) -> int | None:
        """Return when this was recorded; what never was, would have been with the next fact."""
        now = self._history.now
        if ahead := [fact.seq for fact in found if fact and fact.seq > now]:
            return min(ahead)
        later = (fact.seq for fact in self._playing.decision.recorded if fact.seq > now)
        return next(later, None)

    async def _check(self, guard: Guard) -> None:
        if (seq := await self._history.last_seq(guard.over)) != guard.seq:
            raise Conflict(f"{guard.over} has moved past {guard.seq} by event {seq}")

    async def last(self, of: Aggregate, *facts: type[E]) -> Recorded[E] | None:
        """Return the newest of these facts about ``of``, as history has it."""
        return await self._history.last(of, facts)  # type: ignore[return-value]

    async def last_seq(self, filter: str) -> int:
        """Return the last sequence under a subject filter, as history has it."""
        return await self._history.last_seq(filter)

    async def get(self, seq: int) -> Recorded[Event]:
        """Return one event of history."""
        if not 0 < seq <= self._history.now:
            raise EventMissing(f"there is no event {seq}")
        return await self._playing.stage.event(seq)

    async def head(self) -> int:
        """Return the last sequence of history."""
        return self._history.now


class RecordedFollow(Follow):
    """Events in order, as far as a consumer asks for those of one run."""

    def __init__(self, playing: Playing) -> None:
        """Read for ``playing``."""
        self._playing = playing

    async def batches(
        self, *, after: int, until: int | None = None, filter: str = subjects.ALL
    ) -> AsyncGenerator[list[Recorded[Event]], None]:
        """Yield the run's events; without ``until`` also those that are yet to come.

        Whoever waits for what comes waits for ever where its own outcome is recorded: in history
        that was quicker.
        """
        decision, stage = self._playing.decision, self._playing.stage
        run = decision.event.of if isinstance(decision.event, Recorded) else None
        if run is None or run.kind != "run" or filter not in (subjects.ALL, subjects.history(run)):
            raise NotRecorded(f"events under {filter}")
        if until is None:
            if any(fact.seq > stage.history.now for fact in decision.recorded):
                await asyncio.Event().wait()
            yield list(stage.window.later(run))
            raise NotRecorded("neither an outcome nor the end of its run")
        events = await stage.history.of_run(run)
        yield [event for event in events if after < event.seq <= until]


class Read:
    """Small blobs that were read before: a function's spec is read by three consumers."""

    def __init__(self, blobs: Blobs) -> None:
        """Read from ``blobs``."""
        self.blobs = blobs
        self._kept: OrderedDict[Digest, bytes] = OrderedDict()

    async def get(self, digest: Digest) -> bytes:
        """Return the bytes; raises as blobs do."""
        if (body := self._kept.get(digest)) is None:
            body = await self.blobs.get(digest)
            if len(body) <= SMALL:
                self._kept[digest] = body
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return body


class RecordedBlobs:
    """Blobs are read, for they never change; what would be written or deleted is noted."""

    def __init__(self, read: Read, playing: Playing) -> None:
        """Read for ``playing``."""
        self._read = read
        self._effects = playing.attempt.effects

    async def put(self, body: bytes | Path) -> Digest:
        """Return the digest of what would be stored."""
        digest = digest_of(body.read_bytes() if isinstance(body, Path) else body)
        self._effects.append(f"store blob {digest}")
        return digest

    async def get(self, digest: Digest) -> bytes:
        """Return the bytes; NotRecorded where they are no longer kept."""
        try:
            return await self._read.get(digest)
        except BlobMissing as error:
            raise NotRecorded(f"blob {digest}") from error

    async def has(self, digest: Digest) -> bool:
        """Tell whether there is such a blob."""
        return await self._read.blobs.has(digest)

    async def fetch(self, digest: Digest, into: Path) -> None:
        """Write the bytes to a file, which a replay has no place for."""
        raise NotRecorded(f"a file {into.name} of blob {digest}")

    async def delete(self, digest: Digest) -> None:
        """Note what would be deleted, if it is there."""
        if await self._read.blobs.has(digest):
            self._effects.append(f"delete blob {digest}")


class NoLines(Lines):
    """Lines of logs go nowhere."""

    def __init__(self) -> None:
        """Need no log."""

    async def write(self, subject: str, lines: Sequence[str]) -> None:
        """Drop them."""
