"""Credentials of ours in a request's head, and the same head without them.

A function gets neither our cookies nor our tokens, whoever calls it: what is taken out is
everything that has their shape, good or not.
"""

import base64
import binascii
import re
from typing import Final

_SHAPE: Final = re.compile(rb"plt_[0-9a-f]{12}_[0-9a-f]{64}")
_COOKIE: Final = re.compile(rb"(?:__host-|__secure-)?pushline(?:[-_][^=]*)?", re.IGNORECASE)
_LONGEST: Final = 4096  # bytes of what can be a credential of ours


def password_of(authorization: bytes) -> bytes:
    """Return what stands behind Bearer, or the password behind Basic; nothing for others."""
    scheme, _, value = authorization.strip().partition(b" ")
    value = value.strip()
    if len(value) > _LONGEST:
        return b""
    match scheme.lower():
        case b"bearer":
            return value
        case b"basic":
            return _basic(value)[1]
        case _:
            return b""


def user_of(authorization: bytes) -> str:
    """Return the name that Basic carries, which proves nothing; "" without one."""
    scheme, _, value = authorization.strip().partition(b" ")
    return _basic(value.strip())[0].decode("utf-8", "replace") if scheme.lower() == b"basic" else ""


def is_token(password: bytes) -> bool:
    """Tell whether this has the shape of an API token."""
    return _SHAPE.fullmatch(password) is not None


def has_token(authorization: bytes) -> bool:
    """Tell whether there is an API token anywhere in it, however it is written."""
    return any(_SHAPE.search(text) for text in (authorization, password_of(authorization)))


def cookie_of(cookie: bytes, name: str) -> bytes:
    """Return the value of one cookie in the header; two of that name are none.

    A page of a sibling host may add one of its own, and nobody can tell which is which.
    """
    wanted = name.encode()
    found = [value for one, value in _pairs(cookie) if one == wanted]
    return found[0] if len(found) == 1 and len(found[0]) <= _LONGEST else b""


def without_ours(cookie: bytes) -> bytes:
    """Return the Cookie header's value without what is ours."""
    if b"pushline" not in cookie.lower():
        return cookie
    kept = [pair for pair in cookie.split(b";") if not _is_ours(pair)]
    return b";".join(kept).strip()


def sets_ours(set_cookie: bytes) -> bool:
    """Tell whether a Set-Cookie header's value is of a cookie of ours."""
    return _is_ours(set_cookie)


def _is_ours(pair: bytes) -> bool:
    return _COOKIE.fullmatch(pair.partition(b"=")[0].strip()) is not None


def _pairs(cookie: bytes) -> list[tuple[bytes, bytes]]:
    parts = (pair.partition(b"=") for pair in cookie.split(b";"))
    return [(name.strip(), value.strip()) for name, _, value in parts]


def _basic(value: bytes) -> tuple[bytes, bytes]:
    try:
        user, _, password = base64.b64decode(value, validate=True).partition(b":")
    except binascii.Error:
        return b"", b""
    return user, password
