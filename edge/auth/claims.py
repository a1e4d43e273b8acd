"""What a session's token says: ES256, for one host, and no word about its person but the id."""

import base64
import re
from datetime import datetime
from typing import Any, Final

import msgspec

LONGEST: Final = 2048  # bytes of a token
_PART: Final = re.compile(rb"[A-Za-z0-9_-]{1,1024}")


class Claimed(msgspec.Struct, frozen=True):
    """What a token says of itself, not verified."""

    kid: str
    sub: str
    sid: str


class _Head(msgspec.Struct, frozen=True):
    kid: str


class _Body(msgspec.Struct, frozen=True):
    sub: str
    sid: str


def claims(
    *, issuer: str, host: str, user: str, session: str, now: datetime, until: datetime
) -> dict[str, Any]:
    """Return what is signed: RFC 7519's words, and ``sid`` of OpenID Connect for the session."""
    issued = int(now.timestamp())
    return {
        "iss": issuer,
        "aud": host,
        "sub": user,
        "sid": session,
        "iat": issued,
        "nbf": issued,
        "exp": int(until.timestamp()),
    }


def read(token: bytes) -> Claimed | None:
    """Return what a token claims, None for what has not even the shape of one."""
    parts = token.split(b".")
    if len(token) > LONGEST or len(parts) != 3 or not all(map(_PART.fullmatch, parts)):
        return None
    try:
        head = msgspec.json.decode(_plain(parts[0]), type=_Head)
        body = msgspec.json.decode(_plain(parts[1]), type=_Body)
    except (msgspec.DecodeError, ValueError):
        return None
    return Claimed(head.kid, body.sub, body.sid)


def _plain(part: bytes) -> bytes:
    return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
