"""Header fields: heads differ, their lines repeat, so each distinct line is parsed once."""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple, TypeVar

from edge.router.ours import Carried, Nothing

V = TypeVar("V")

HOP_BY_HOP: Final = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
NO_TOKENS: Final[frozenset[bytes]] = frozenset()

# RFC 9110, 5.5 and 5.6.2: a token, a colon at once, visible bytes, spaces and tabs.
_FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*+([\t\x20-\x7e\x80-\xff]*)")
_LENGTH: Final = re.compile(rb"[0-9]{1,18}")
_MOST_LINES: Final = 8192
_MOST_KEPT: Final = 2048
_LONGEST_KEPT: Final = 2048  # bytes


class Field(NamedTuple):
    """One header line."""

    name: bytes  # in lower case
    value: bytes
    onward: bytes  # the line to send on, with its CRLF; nothing for those that we look at
    bare: bytes  # the same without credentials of ours: what a function gets


class Malformed(ValueError):
    """A line is not a header field, or says what it can't mean."""


class Known(dict[bytes, V]):
    """What bytes were found to mean, from the second time on that they come.

    Heads that never come again would only push the others out, and through the processor's cache.
    A full one begins anew, which costs less than choosing.
    """

    __slots__ = ("_most", "_once")

    def __init__(self, most: int = _MOST_KEPT) -> None:
        """Hold so many at most."""
        super().__init__()
        self._most = most
        self._once: set[int] = set()  # hashes of what came once

    def keep(self, raw: bytes, meaning: V) -> None:
        """Remember what these bytes mean, if they have come before."""
        once, number = self._once, hash(raw)
        if number not in once:
            if len(once) >= self._most:
                once.clear()
            once.add(number)
        elif len(raw) <= _LONGEST_KEPT:
            if len(self) >= self._most:
                self.clear()
            self[raw] = meaning


class KnownLines:
    """Reads header lines; ``looked_at`` are the names that the router does not just pass on."""

    __slots__ = ("_known", "_looked_at", "_ours", "_prefixes")

    def __init__(
        self,
        looked_at: frozenset[bytes],
        prefixes: tuple[bytes, ...] = (),
        ours: Carried | None = None,
    ) -> None:
        """Know no line yet; names that begin with one of ``prefixes`` are looked at too."""
        self._looked_at = looked_at
        self._prefixes = prefixes
        self._ours = ours or Nothing()
        self._known: Known[Field] = Known(_MOST_LINES)

    def read(self, lines: list[bytes]) -> tuple[list[Field], dict[bytes, list[bytes]]]:
        """Return all fields, and the values by name of those looked at; raises Malformed."""
        known = self._known
        fields = [known.get(line) or self._learn(line) for line in lines]
        values: dict[bytes, list[bytes]] = {}
        for name, value, onward, _ in fields:
            if not onward:
                values.setdefault(name, []).append(value)
        return fields, values

    def _learn(self, line: bytes) -> Field:
        found = _FIELD.fullmatch(line)
        if found is None:
            raise Malformed
        name, value = found[1].lower(), found[2].rstrip()
        # A CGI-like upstream takes ``_`` for ``-``: so do we, or it could be told our words.
        plain = name.replace(b"_", b"-")
        passes = plain not in self._looked_at and not plain.startswith(self._prefixes)
        onward = bare = b"%b: %b\r\n" % (found[1], value) if passes else b""
        if name in self._ours.names and self._ours.within(name, value):
            left = self._ours.left_of(name, value)
            bare = b"%b: %b\r\n" % (found[1], left) if left else b""
        field = Field(name, value, onward, bare)
        self._known.keep(line, field)
        return field


def tokens(values: Iterable[bytes]) -> frozenset[bytes]:
    """Return the members of a list field, in lower case."""
    return frozenset(part.strip().lower() for value in values for part in value.split(b","))


def framing(values: dict[bytes, list[bytes]]) -> tuple[int | None, bool]:
    """Return (Content-Length or None, chunked); raises Malformed unless it is plain."""
    lengths = values.get(b"content-length", [])
    codings = values.get(b"transfer-encoding", [])
    if not lengths and not codings:
        return None, False
    if len(lengths) + len(codings) > 1:
        raise Malformed
    if codings:
        if codings[0].lower() != b"chunked":
            raise Malformed
        return None, True
    if not _LENGTH.fullmatch(lengths[0]):
        raise Malformed
    return int(lengths[0]), False
