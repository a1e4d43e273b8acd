"""API tokens: what one looks like, and which there are, folded from the log.

``plt_<id>_<secret>``: the id stands in lists and in the log, of the whole only a hash.

Reads   token.issued/1, token.used/1, token.revoked/1
"""

import re
import secrets
from datetime import datetime
from typing import Final

import msgspec

from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.token import TokenIssued, TokenRevoked, TokenUsed
from schemas.ids import Digest, digest_of
from schemas.people import Scope

SHAPE: Final = re.compile(r"plt_([0-9a-f]{12})_[0-9a-f]{64}")


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """One API token that was not revoked."""

    id: str
    user: str
    login: str
    name: str
    hash: Digest
    scopes: tuple[Scope, ...]
    tenants: tuple[str, ...]
    issued: datetime
    until: datetime
    used: datetime | None = None
    source: str = ""  # the network that it was used from, or else issued to


def new() -> tuple[str, str]:
    """Return (id, text) of a token that nobody can guess."""
    id = secrets.token_hex(6)
    return id, f"plt_{id}_{secrets.token_hex(32)}"


def hash_of(text: str) -> Digest:
    """Return what is kept of a token: 256 random bits need no slow hash."""
    return digest_of(text.encode())


def id_of(text: str) -> str:
    """Return the id in a text that looks like a token, "" for none."""
    found = SHAPE.fullmatch(text)
    return found[1] if found else ""


def key(event: Recorded[Event]) -> str | None:
    """Return the token that an event is about."""
    match event.fact:
        case TokenIssued() | TokenUsed() | TokenRevoked():
            return event.of.id
        case _:
            return None


def reduce(row: Token | None, event: Recorded[Event]) -> Token | None:
    """Return the token's next row, None once it is revoked; pure."""
    match event.fact:
        case TokenIssued() as fact:
            return Token(
                id=event.of.id,
                user=fact.user,
                login=fact.login,
                name=fact.name,
                hash=fact.hash,
                scopes=fact.scopes,
                tenants=fact.tenants,
                issued=event.time,
                until=fact.until,
                source=fact.source,
            )
        case TokenUsed(source=source) if row is not None:
            return msgspec.structs.replace(row, used=event.time, source=source)
        case TokenRevoked():
            return None
        case _:
            return row
