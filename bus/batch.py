"""Atomic batches (NATS ADR-50): all messages are stored, with their guards, or none.

The first is a request, which an empty answer accepts; those between are only sent; the last is
a request whose answer is the acknowledgement of all. A batch that loses a message is dropped
whole by the server.
"""

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from bus import instruments, log
from bus.jetstream import JetStream, Refused, patiently
from bus.publish import Publisher
from schemas.errors import Conflict, FactTooLarge, IdReused, LogUnavailable

if TYPE_CHECKING:
    from bus.jetstream import Stored
    from bus.log import Sealed

MOST: Final = 1000  # messages, the server's limit
DUPLICATE: Final = 10201  # an id of the batch is known to the stream
PASSING: Final = frozenset({10176, 10210, 10211})  # incomplete, too many at once: try again


async def append_batch(
    js: JetStream, publisher: Publisher, sealed: "Sequence[Sealed]", *, since: int | None
) -> int:
    """Store all or none; return the last sequence, the old one if they are stored already.

    ``since``: look for an older append from this sequence on, before anything is sent.
    """
    if not 1 < len(sealed) <= MOST:
        raise FactTooLarge(f"an atomic batch has 2 to {MOST} facts, not {len(sealed)}")
    if len({message.id for message in sealed}) < len(sealed):
        raise IdReused("two facts of one batch have the same id")
    if since is not None and (known := await patiently(lambda: _stored(js, sealed, since))):
        return known
    return await patiently(lambda: _attempt(js, publisher, sealed))


async def _attempt(js: JetStream, publisher: Publisher, sealed: "Sequence[Sealed]") -> int:
    try:
        return await _send(publisher, sealed)
    except Refused as refused:
        if refused.code in PASSING:
            raise LogUnavailable(f"the batch was dropped: {refused}") from refused
        if refused.code != DUPLICATE and refused.code not in log.WRONG_LAST:
            log.raise_for(refused, sealed[0].subject)
        if known := await _stored(js, sealed, 1):
            return known
        if refused.code == DUPLICATE:
            raise IdReused("an id of the batch is known under another subject") from refused
        instruments.conflicts.inc()
        raise Conflict("a guard of the batch has moved") from refused


async def _send(publisher: Publisher, sealed: "Sequence[Sealed]") -> int:
    name, final = secrets.token_hex(16), len(sealed)
    for place, message in enumerate(sealed, 1):
        commit = "Nats-Batch-Commit: 1\r\n" if place == final else ""
        lines = f"Nats-Batch-Id: {name}\r\nNats-Batch-Sequence: {place}\r\n{commit}\r\n"
        block = message.block[:-2] + lines.encode()
        if place == final:
            return (await publisher.store(message.subject, message.body, block)).seq
        if place == 1:
            await publisher.begin(message.subject, message.body, block)
        else:
            publisher.send(message.subject, message.body, block)
    raise AssertionError


async def _stored(js: JetStream, sealed: "Sequence[Sealed]", since: int) -> int:
    """Return the last sequence of a batch that is in the log, 0 for one that is not.

    Raises IdReused for one that is there in part, or differs.
    """
    found: list[Stored | None] = [await log.find(js, message, since) for message in sealed]
    here = [log.same(one, message) for one, message in zip(found, sealed, strict=True) if one]
    if here and len(here) < len(sealed):
        raise IdReused("some ids of the batch are known, others are not")
    return max(here, default=0)
