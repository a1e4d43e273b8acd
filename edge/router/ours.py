"""Ours: credentials of this installation in a header line, and the line without them.

A function neither gets them nor gives them: whoever could set our cookie would choose as whom his
visitors are signed in.
"""

from typing import Final, Protocol

from edge.auth import credentials
from edge.auth.settings import AuthSettings
from schemas.ids import digest_of

AUTHORIZATION: Final = b"authorization"
COOKIE: Final = b"cookie"
SET_COOKIE: Final = b"set-cookie"


class Carried(Protocol):
    """What lines may carry of ours."""

    names: frozenset[bytes]  # of the lines that may

    def within(self, name: bytes, value: bytes) -> bool:
        """Tell whether a line of these names does."""
        ...

    def left_of(self, name: bytes, value: bytes) -> bytes:
        """Return what is left of such a line, nothing where it goes as a whole."""
        ...


class Ours:
    """What callers send: known by its shape, and the platform's own token by its digest."""

    __slots__ = ("_cookie", "_platform")
    names = frozenset((AUTHORIZATION, COOKIE))

    def __init__(self, settings: AuthSettings) -> None:
        """Know what this installation gives to people."""
        self._cookie = settings.cookie
        self._platform = settings.token_digest

    def within(self, name: bytes, value: bytes) -> bool:
        """Tell whether a line carries anything of ours, good or not."""
        if name == COOKIE:
            return credentials.without_ours(value) != value
        return credentials.has_token(value) or bool(self.token((value,)))

    def left_of(self, name: bytes, value: bytes) -> bytes:
        """Return what a function gets of such a line: other cookies, no other authorization."""
        return credentials.without_ours(value) if name == COOKIE else b""

    def token(self, authorizations: tuple[bytes, ...]) -> bytes:
        """Return the token of ours in Authorization; two of these lines are none."""
        if len(authorizations) != 1:
            return b""
        password = credentials.password_of(authorizations[0])
        if credentials.is_token(password):
            return password
        platforms = bool(password) and digest_of(password) == self._platform
        return password if platforms else b""

    def session(self, cookies: tuple[bytes, ...]) -> bytes:
        """Return the value of our cookie; two of them are none."""
        return credentials.cookie_of(b"; ".join(cookies), self._cookie)


class Set:
    """What functions answer: a Set-Cookie of our name goes no further."""

    names = frozenset((SET_COOKIE,))

    def within(self, name: bytes, value: bytes) -> bool:  # noqa: ARG002
        """Tell whether it is of a cookie of ours."""
        return credentials.sets_ours(value)

    def left_of(self, name: bytes, value: bytes) -> bytes:  # noqa: ARG002
        """Return nothing."""
        return b""


class Nothing:
    """For lines that are as they are."""

    names: frozenset[bytes] = frozenset()

    def within(self, name: bytes, value: bytes) -> bool:  # noqa: ARG002
        """Tell that it is not."""
        return False

    def left_of(self, name: bytes, value: bytes) -> bytes:  # noqa: ARG002
        """Return the line."""
        return value


PLAIN: Final = Ours(AuthSettings())
