"""Facts about the keys that sign people in: ES256, of which the log has the public part alone."""

from typing import Annotated

from msgspec import Meta

from schemas.events import Event

Coordinate = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{43}$(?!\n)")]  # 32 bytes, base64url


class KeyPublished(Event, frozen=True, tag="key.published/1"):
    """What this key signs is good from now on. Written by auth, read by routers."""

    x: Coordinate  # RFC 7518, 6.2.1, of P-256
    y: Coordinate


class KeyRetired(Event, frozen=True, tag="key.retired/1"):
    """Nothing that this key signed is good any more. Written by auth, read by routers."""

    reason: str = ""
