"""Identifiers: shapes that are checked on decoding, and ids that derive from their cause."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta

if TYPE_CHECKING:
    from schemas.events import Event

# `$` alone would let a last newline through
Digest = Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}$(?!\n)")]
Sha = Annotated[str, Meta(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$(?!\n)")]  # git: SHA-1 or SHA-256

ZERO_SHA: Final = "0" * 40  # git's word for "no commit": a ref made or deleted
_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES: Final = {letter: value for value, letter in enumerate(_CROCKFORD)}
_EPOCH: Final = datetime.fromtimestamp(0, UTC)


def tag_of(fact: "Event | type[Event]") -> str:
    """Return the fact's tag, which is its ``ce-type``: ``run.built/1``."""
    return str(fact.__struct_config__.tag)


def event_id(consumer: str, cause: str, fact: "Event | type[Event]", *parts: str) -> str:
    """Return the id of what ``consumer`` writes because of the event ``cause``.

    ``<consumer>:<cause>:<fact>[:<part>…]``: a crashed handler writes the same id again,
    another outcome has another id.
    """
    name = tag_of(fact).partition("/")[0]
    return ":".join((consumer, cause, name, *parts))


def run_id(cause: str, time: datetime) -> str:
    """Return the ULID (26 letters of Crockford's base 32) of the run set off by ``cause``.

    48 bits of milliseconds, then 80 bits of sha256 of the cause: replay finds the same id.
    """
    random = int.from_bytes(hashlib.sha256(cause.encode()).digest()[:10], "big")
    value = (int(time.timestamp() * 1000) & ((1 << 48) - 1)) << 80 | random
    return "".join(_CROCKFORD[value >> shift & 31] for shift in range(125, -1, -5))


def time_of(run: str) -> datetime | None:
    """Return the very millisecond that a run's id was made of; None for what is no ULID."""
    letters = run[:10]
    if len(run) != 26 or any(letter not in _VALUES for letter in letters):
        return None
    milliseconds = 0
    for letter in letters:
        milliseconds = milliseconds << 5 | _VALUES[letter]
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:  # a ULID reaches beyond the year 9999
        return None


def digest_of(body: bytes) -> Digest:
    """Return the content address of ``body``."""
    return "sha256:" + hashlib.sha256(body).hexdigest()
