"""One line of the record; pure.

Each record carries the hash of the one before it: who changes, drops or inserts a line has to
write all later ones anew.
"""

import hashlib
from datetime import datetime
from typing import Final

import msgspec

from schemas.envelope import Recorded, Unknown
from schemas.events import Event
from schemas.ids import tag_of

GENESIS: Final = "0" * 64  # what the first record says of the one before it

_encode = msgspec.json.Encoder(order="deterministic").encode


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what, when, because of what; ``seq`` says where in EVENTS all of it stands."""

    seq: int
    time: datetime
    who: str  # a forge's login, or the consumer that decided
    what: str  # the fact's tag
    on: str  # <forge>:<project>:<kind>:<id>
    project: str = ""  # its name at that time
    detail: dict[str, object] = {}
    id: str
    cause: str = ""  # the id of what led to it
    run: str = ""
    before: str = GENESIS  # the hash of the record before
    hash: str = ""  # of this record without this field


def record_of(event: Recorded[Event], before: str) -> Record:
    """Return the record of an event which follows on the record whose hash is ``before``."""
    unsealed = Record(
        seq=event.seq,
        time=event.time,
        who=event.actor or event.id.partition(":")[0],
        what=event.fact.type if isinstance(event.fact, Unknown) else tag_of(event.fact),
        on=f"{event.of.forge}:{event.of.project}:{event.of.kind}:{event.of.id}",
        project=event.name,
        detail=_detail(event.fact),
        id=event.id,
        cause=event.cause,
        run=event.run,
        before=before,
    )
    return msgspec.structs.replace(unsealed, hash=seal(unsealed))


def seal(record: Record) -> str:
    """Return the hash that a record has to carry."""
    return hashlib.sha256(_encode(msgspec.structs.replace(record, hash=""))).hexdigest()


def line(record: Record) -> bytes:
    """Return a record as it stands in the file."""
    return _encode(record) + b"\n"


def parse(text: bytes) -> Record:
    """Return the record of a line; raises msgspec.DecodeError."""
    return msgspec.json.decode(text, type=Record)


def _detail(fact: Event) -> dict[str, object]:
    """Return what the fact says; logs' tails and the like are looked up by ``seq``."""
    if isinstance(fact, Unknown):
        return {}
    fields: dict[str, object] = msgspec.to_builtins(fact)
    return {
        name: value
        for name, value in fields.items()
        if name not in ("type", "tail") and value not in ("", [], {}, None)
    }
