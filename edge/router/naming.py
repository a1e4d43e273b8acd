"""A request's names: X-Call-Id, X-Request-Id and traceparent, one number in three spellings.

What a caller gives is kept if it is sane. X-Call-Id is the predecessor's word and X-Request-Id
most others'; traceparent is W3C Trace Context, whose trace id is the call's id without its dashes.
"""

import re
import uuid
from typing import Final

_SANE: Final = re.compile(rb"[A-Za-z0-9._:-]{1,64}")
_TRACE: Final = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)


class Names:
    """Gives each request a number; no other router's are the same."""

    __slots__ = ("_all", "_id", "_ids", "_last", "_trace")

    def __init__(self) -> None:
        """Begin with a random UUID of version 4, whose last 48 bits then count."""
        fixed = str(uuid.uuid4())[:-12]
        plain = fixed.replace("-", "")
        count = "%012x"
        ids = f"X-Call-Id: {fixed}{count}\r\nX-Request-Id: {fixed}{count}\r\n"
        trace = f"traceparent: 00-{plain}{count}-{plain[-4:]}{count}-01\r\n"
        self._last = 0
        self._id = f"{fixed}{count}".encode()
        self._ids, self._trace, self._all = ids.encode(), trace.encode(), (ids + trace).encode()

    def next(self) -> int:
        """Return a number that no other request has."""
        self._last += 1
        return self._last

    def id(self, number: int) -> bytes:
        """Return its X-Call-Id."""
        return self._id % number

    def lines(self, number: int, *, named: bool, traced: bool) -> bytes:
        """Return the header lines that the caller did not give: its ids, its traceparent."""
        if named:
            return b"" if traced else self._trace % (number, number)
        if traced:
            return self._ids % (number, number)
        return self._all % (number, number, number, number)


def given(values: dict[bytes, list[bytes]]) -> bytes:
    """Return the id that a caller chose, nothing where there is no sane one."""
    for name in (b"x-call-id", b"x-request-id"):
        for value in values.get(name, ())[:1]:
            if _SANE.fullmatch(value):
                return value
    return b""


def ids(given_id: bytes) -> bytes:
    """Return the lines of an id that the caller chose."""
    return b"X-Call-Id: %b\r\nX-Request-Id: %b\r\n" % (given_id, given_id) if given_id else b""


def trace(values: dict[bytes, list[bytes]]) -> bytes:
    """Return the lines of the caller's trace; a state without its parent means nothing."""
    parents = values.get(b"traceparent", ())
    if len(parents) != 1 or not _TRACE.fullmatch(parents[0]):
        return b""
    states = (b"tracestate: %b\r\n" % state for state in values.get(b"tracestate", ()))
    return b"traceparent: %b\r\n%b" % (parents[0], b"".join(states))
