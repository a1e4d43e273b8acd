"""Public keys: what sessions are verified by, folded from the log.

Reads   key.published/1, key.retired/1
"""

from datetime import datetime

import msgspec

from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.key import KeyPublished, KeyRetired


class PublicKey(msgspec.Struct, frozen=True):
    """The public half of a key; a retired one is remembered, so that it never comes back."""

    x: str
    y: str
    published: datetime
    retired: datetime | None = None

    def jwk(self, kid: str) -> dict[str, str]:
        """Return it as RFC 7517 has it."""
        return {
            "kty": "EC",
            "crv": "P-256",
            "use": "sig",
            "alg": "ES256",
            "kid": kid,
            "x": self.x,
            "y": self.y,
        }


def key(event: Recorded[Event]) -> str | None:
    """Return the id of the key that an event is about."""
    return event.of.id if isinstance(event.fact, KeyPublished | KeyRetired) else None


def reduce(row: PublicKey | None, event: Recorded[Event]) -> PublicKey | None:
    """Return the key's next row; pure. Published again, a retired one stays retired."""
    match event.fact:
        case KeyPublished(x=x, y=y) if row is None:
            return PublicKey(x, y, event.time)
        case KeyRetired() if row is not None and row.retired is None:
            return msgspec.structs.replace(row, retired=event.time)
        case _:
            return row
