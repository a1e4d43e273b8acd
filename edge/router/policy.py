"""Policy: who may call a function. Anything but an explicit yes is no.

It is decided on the canonical host and path, and on the credentials that the function gets: the
very bytes that go on, so that nobody is let in for one request and served another.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, Literal, NamedTuple, Protocol

import msgspec
import structlog

from edge.router.causes import (
    NOT_ALLOWED,
    POLICY_UNAVAILABLE,
    POLICY_UNKNOWN,
    SIGN_IN,
    Cause,
)
from schemas.route import PUBLIC

log = structlog.get_logger(__name__)

_MOST_KNOWN: Final = 2048  # blocks of fields, of those who ask again
_LONGEST_KNOWN: Final = 2048  # bytes
_CREDENTIAL: Final = re.compile(
    rb"(?:\A|\r\n)(authorization|cookie):[ \t]*([^\r\n]*)", re.IGNORECASE
)


class Asked(NamedTuple):
    """What is asked for, and with what."""

    host: bytes  # canonical
    path: str  # canonical, without its query
    label: str  # of the tenant
    function: str
    authorization: bytes = b""
    cookie: bytes = b""


class Caller(msgspec.Struct, frozen=True):
    """Somebody whose credentials were found good."""

    kind: Literal["person", "token"]
    name: str
    labels: frozenset[str] = frozenset()  # tenants: a person's, or those that a token is for


class Verifier(Protocol):
    """Knows callers by their credentials; answers from memory, at once."""

    def verify(self, asked: Asked) -> Caller | None:
        """Return who asks, None for nobody that is known."""
        ...


class KnowsNobody:
    """The verifier of an installation without sign-in: whatever is not public stays closed."""

    def verify(self, asked: Asked) -> Caller | None:  # noqa: ARG002
        """Return nobody."""
        return None


def _person(caller: Caller, _: Asked) -> bool:
    return caller.kind == "person"


def _member(caller: Caller, asked: Asked) -> bool:
    return caller.kind == "person" and asked.label in caller.labels


def _token(caller: Caller, asked: Asked) -> bool:
    return caller.kind == "token" and asked.label in caller.labels


_CHECKS: Final[dict[str, Callable[[Caller, Asked], bool]]] = {
    "signed-in": _person,
    "members": _member,
    "token": _token,
}


def decide(policy: str, asked: Asked, verifier: Verifier) -> Cause | None:
    """Return why this caller is not let through, None for an explicit yes."""
    if policy == PUBLIC:
        return None
    check = _CHECKS.get(policy)
    if check is None:  # of a newer release: what it allows is not known here
        return POLICY_UNKNOWN
    try:
        caller = verifier.verify(asked)
        if caller is None:
            return SIGN_IN
        return None if check(caller, asked) is True else NOT_ALLOWED
    except Exception as error:  # noqa: BLE001 - whatever breaks, it is no yes
        log.warning("policy_undecided", function=asked.function, error=type(error).__name__)
        return POLICY_UNAVAILABLE


def credentials(onward: bytes) -> tuple[bytes, bytes]:
    """Return Authorization and Cookie of the fields that go on; two Authorizations are none."""
    return _known(onward) if len(onward) <= _LONGEST_KNOWN else _read(onward)


def _read(onward: bytes) -> tuple[bytes, bytes]:
    found = _CREDENTIAL.findall(onward)
    authorizations = [value for name, value in found if name.lower() == b"authorization"]
    cookies = [value for name, value in found if name.lower() == b"cookie"]
    return authorizations[0] if len(authorizations) == 1 else b"", b"; ".join(cookies)


_known: Final = lru_cache(maxsize=_MOST_KNOWN)(_read)
