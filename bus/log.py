"""The log: facts are appended to EVENTS, raw deliveries to DELIVERIES."""

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any, Final, NoReturn, Protocol

import msgspec

from bus import envelope, instruments
from bus.jetstream import FULL, Ack, JetStream, Refused, Stored, patiently
from bus.publish import Publisher, block
from bus.water import HighWater
from schemas import catalog, subjects
from schemas.envelope import Aggregate, Delivery, E, Recorded
from schemas.errors import (
    Conflict,
    EventMissing,
    FactTooLarge,
    GuardMisses,
    IdReused,
    LogFull,
)
from schemas.events import Event
from schemas.ids import Digest

EVENTS: Final = "EVENTS"
DELIVERIES: Final = "DELIVERIES"
LIMIT: Final = 256 * 1024  # bytes of a fact with its headers
INLINE: Final = 64 * 1024  # bytes of a delivery's body; a larger one lies in the blobs
WINDOW: Final = 300.0  # seconds; half of the server's duplicate window, for clocks differ

WRONG_LAST: Final = frozenset({10071, 10164})
TOO_LARGE: Final = 10054


class Guard(msgspec.Struct, frozen=True):
    """Refuses an append unless ``seq`` is the last sequence under a subject filter."""

    over: str  # contains the fact's own subject, or it would guard nothing
    seq: int  # 0: none yet


class Draft(msgspec.Struct, frozen=True):
    """One fact of an atomic batch."""

    fact: Event
    of: Aggregate
    id: str
    guard: Guard | None = None


class Sealed(msgspec.Struct, frozen=True):
    """A fact ready to be sent."""

    subject: str
    body: bytes
    block: bytes  # the headers, whole
    id: str  # as the headers carry it
    guard: Guard | None


def seal(draft: Draft, **context: Any) -> Sealed:
    """Return the message of ``draft``; raises GuardMisses and FactTooLarge."""
    subject = subjects.subject(draft.of, draft.fact)
    body = catalog.encode(draft.fact)
    headers = envelope.of_fact(draft.fact, draft.of, draft.id, **context)
    if (guard := draft.guard) is not None:
        if not subjects.contains(guard.over, subject):
            raise GuardMisses(f"{guard.over} does not contain {subject}: it would guard nothing")
        headers["Nats-Expected-Last-Subject-Sequence"] = str(guard.seq)
        headers["Nats-Expected-Last-Subject-Sequence-Subject"] = guard.over
    made = block(headers)
    if (size := len(made) + len(body)) > LIMIT:
        raise FactTooLarge(
            f"{subject} takes {size} bytes, {LIMIT} are allowed",
            hint="put the large part into a blob and record its digest",
        )
    return Sealed(subject, body, made, headers[envelope.MSG_ID], guard)


class EventLog:
    """The stream EVENTS; safe to share between tasks."""

    def __init__(self, js: JetStream, publisher: Publisher, water: HighWater) -> None:
        """Append over ``publisher``, read over ``js``; ``water`` remembers how far the log came."""
        self._js = js
        self._publisher = publisher
        self._water = water

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
        """Store a fact once; return its sequence, the old one for a known ``id``.

        ``run`` and ``name`` are taken over from the cause when empty.
        Raises Conflict (the guard moved: reload, decide again), GuardMisses, FactTooLarge,
        IdReused (with another subject or body), LogFull, LogUnavailable (perhaps stored: repeat
        with the same ``id``).
        """
        sealed = seal(Draft(fact, of, id, guard), cause=cause, run=run, actor=actor, name=name)
        if (known := await self._known(sealed, cause)) is not None:
            return known
        return await patiently(lambda: self._publish(sealed))

    async def append_all(
        self,
        drafts: Sequence[Draft],
        *,
        cause: Recorded[Event] | Delivery | None = None,
        run: str = "",
        actor: str = "",
        name: str = "",
    ) -> int:
        """Store all facts or none, each once; return the last sequence.

        Raises as ``append`` does; IdReused also when some of the ids are known, but not all.
        """
        context = {"cause": cause, "run": run, "actor": actor, "name": name}
        sealed = [seal(draft, **context) for draft in drafts]
        if len(sealed) == 1:
            if (known := await self._known(sealed[0], cause)) is not None:
                return known
            return await patiently(lambda: self._publish(sealed[0]))
        from bus.batch import append_batch

        seq = await append_batch(self._js, self._publisher, sealed, since=self._since(cause))
        self._water.reached(seq)
        instruments.appended.inc(len(sealed))
        return seq

    async def last(self, of: Aggregate, *facts: type[E]) -> Recorded[E] | None:
        """Return the newest of these facts about ``of``, read from the leader."""
        newest: Stored | None = None
        for fact in facts or (None,):
            subject = subjects.history(of) if fact is None else subjects.subject(of, fact)
            found = await self._message(last_by_subj=subject)
            if found is not None and (newest is None or found.seq > newest.seq):
                newest = found
        return None if newest is None else read(newest)  # type: ignore[return-value]

    async def last_seq(self, filter: str) -> int:
        """Return the last sequence under a subject filter, 0 for none; made for guards."""
        found = await self._message(last_by_subj=filter)
        return 0 if found is None else found.seq

    async def get(self, seq: int) -> Recorded[Event]:
        """Return one event; EventMissing where there is none."""
        found = await self._message(seq=seq) if seq > 0 else None
        if found is None:
            raise EventMissing(f"there is no event {seq}")
        return read(found)

    async def head(self) -> int:
        """Return the last sequence, 0 for an empty log."""
        info = await patiently(lambda: self._js.info(EVENTS))
        return 0 if info is None else int(info["state"]["last_seq"])

    async def _message(self, **query: Any) -> Stored | None:
        return await patiently(lambda: self._js.message(EVENTS, **query))

    async def _publish(self, sealed: Sealed) -> int:
        begun = perf_counter()
        try:
            ack = await self._publisher.store(sealed.subject, sealed.body, sealed.block)
        except Refused as refused:
            return await self._after(refused, sealed)
        seq = await self._duplicate(sealed, ack) if ack.duplicate else ack.seq
        self._water.reached(seq)
        instruments.appended.inc()
        instruments.append_seconds.observe(perf_counter() - begun)
        return seq

    async def _after(self, refused: Refused, sealed: Sealed) -> int:
        """Return the sequence of our own lost answer, or raise what the refusal means."""
        guard = sealed.guard
        if refused.code not in WRONG_LAST or guard is None:
            raise_for(refused, sealed.subject)
        # What got in under the guard is the very next message it covers: R1 checks the guard
        # before it looks for duplicates, so a repeated append is told "wrong last sequence".
        stored = await self._js.message(EVENTS, seq=guard.seq + 1, next_by_subj=guard.over)
        if stored is not None and id_of(stored) == sealed.id:
            return same(stored, sealed)
        instruments.conflicts.inc()
        moved = "" if stored is None else f" by event {stored.seq}"
        raise Conflict(f"{guard.over} has moved past {guard.seq}{moved}")

    async def _duplicate(self, sealed: Sealed, ack: Ack) -> int:
        """Return the old sequence, if it is the same message that stands there."""
        stored = await self._js.message(EVENTS, seq=ack.seq)
        if stored is None:
            raise IdReused(f"{sealed.id}: known, but event {ack.seq} cannot be read")
        return same(stored, sealed)

    async def _known(self, sealed: Sealed, cause: Recorded[Event] | Delivery | None) -> int | None:
        """Return the sequence of an ``id`` that the server may have forgotten.

        The server knows the ids of its duplicate window only. An id derives from its cause, so
        what was written under it is younger than the cause: an old cause is looked up.
        """
        if (since := self._since(cause)) is None:
            return None
        stored = await patiently(lambda: find(self._js, sealed, since))
        return None if stored is None else same(stored, sealed)

    @staticmethod
    def _since(cause: Recorded[Event] | Delivery | None) -> int | None:
        """Return where to look for an older append, None when the server would know it."""
        if cause is None or age(cause) < WINDOW:
            return None
        return cause.seq + 1 if isinstance(cause, Recorded) else 1


def age(cause: Recorded[Event] | Delivery) -> float:
    """Return for how many seconds ``cause`` has been in its stream."""
    return (envelope.now() - cause.time).total_seconds()


async def find(js: JetStream, sealed: Sealed, since: int) -> Stored | None:
    """Return the message that has the id of ``sealed`` under its subject, from ``since`` on."""
    seq = since
    while (stored := await js.message(EVENTS, seq=seq, next_by_subj=sealed.subject)) is not None:
        if id_of(stored) == sealed.id:
            return stored
        seq = stored.seq + 1
    return None


def id_of(stored: Stored) -> str:
    """Return a message's id as its headers carry it."""
    return envelope.parse(stored.headers).get(envelope.MSG_ID, "")


def same(stored: Stored, sealed: Sealed) -> int:
    """Return the stored sequence; IdReused unless subject and body are the same."""
    if stored.subject != sealed.subject or stored.body != sealed.body:
        raise IdReused(f"{sealed.id} is event {stored.seq}, with another subject or body")
    return stored.seq


def raise_for(refused: Refused, subject: str) -> NoReturn:
    """Raise what a refused append means."""
    if refused.code == TOO_LARGE:
        raise FactTooLarge(f"{subject} is too large for its stream") from refused
    if refused.code == FULL:
        raise LogFull(f"the log is full: {refused}", hint="give it more room") from refused
    raise refused


def read(stored: Stored) -> Recorded[Event]:
    """Return the event in a message."""
    return envelope.to_event(
        stored.subject, envelope.parse(stored.headers), stored.body, stored.seq
    )


class Bodies(Protocol):
    """Where large bodies lie: blobs, or what stands before them."""

    async def put(self, body: bytes, /) -> Digest:
        """Store the bytes for good."""
        ...

    async def get(self, digest: Digest) -> bytes:
        """Return the bytes."""
        ...


class DeliveryLog:
    """The stream DELIVERIES; safe to share between tasks."""

    def __init__(self, js: JetStream, publisher: Publisher, bodies: Bodies) -> None:
        """Store over ``publisher``; bodies over 64 KiB go to ``bodies`` first."""
        self._js = js
        self._publisher = publisher
        self._bodies = bodies

    async def store(self, forge: str, id: str, headers: Mapping[str, str], body: bytes) -> int:
        """Store a delivery once; return its sequence, the old one for a known ``id``.

        Raises LogFull and LogUnavailable: perhaps stored, and safe to repeat.
        """
        subject = subjects.delivery(forge, id)
        kept = envelope.of_delivery(forge, id, headers)
        kept["Nats-Expected-Last-Subject-Sequence"] = "0"
        if len(body) > INLINE:
            kept[envelope.BLOB] = await self._bodies.put(body)
            body = b""
        return await patiently(lambda: self._publish(subject, body, kept))

    async def _publish(self, subject: str, body: bytes, headers: dict[str, str]) -> int:
        try:
            return (await self._publisher.publish(subject, body, headers)).seq
        except Refused as refused:
            if refused.code in WRONG_LAST:
                stored = await self._js.message(DELIVERIES, last_by_subj=subject)
                if stored is not None:
                    return stored.seq
            raise_for(refused, subject)

    async def get(self, seq: int) -> Delivery:
        """Return one delivery; EventMissing where there is none (any more)."""
        stored = await patiently(lambda: self._js.message(DELIVERIES, seq=seq))
        if stored is None:
            raise EventMissing(f"there is no delivery {seq}")
        return await self.read(envelope.parse(stored.headers), stored.body, seq)

    async def find(self, forge: str, id: str) -> Delivery | None:
        """Return the delivery with this id, None where it is not stored (any more)."""
        subject = subjects.delivery(forge, id)
        stored = await patiently(lambda: self._js.message(DELIVERIES, last_by_subj=subject))
        if stored is None:
            return None
        return await self.read(envelope.parse(stored.headers), stored.body, stored.seq)

    async def has(self, forge: str, id: str) -> bool:
        """Tell whether the delivery with this id is stored."""
        subject = subjects.delivery(forge, id)
        stored = await patiently(lambda: self._js.message(DELIVERIES, last_by_subj=subject))
        return stored is not None

    async def read(self, headers: Mapping[str, str], body: bytes, seq: int) -> Delivery:
        """Return the delivery in a message, its body fetched from the blobs if it lies there."""
        if digest := headers.get(envelope.BLOB):
            body = await self._bodies.get(digest)
        return envelope.to_delivery(headers, body, seq)
