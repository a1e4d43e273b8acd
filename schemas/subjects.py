"""Subjects: ``ev.<forge>.<project>.<aggregate>.<id>.<fact>``, always six tokens."""

import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from schemas.ids import tag_of

if TYPE_CHECKING:
    from schemas.envelope import Aggregate
    from schemas.events import Event

LIMIT: Final = 64  # characters of one token
EMPTY: Final = "="
ALL: Final = "ev.>"

_PLAIN = re.compile(r"[A-Za-z0-9_-]*")
_ESCAPE = re.compile(rb"[^A-Za-z0-9_-]")
_ESCAPED = re.compile(r"(?:[A-Za-z0-9_-]|=[0-9A-F]{2})*")


@lru_cache(maxsize=8192)
def encode(text: str) -> str:
    """Return ``text`` as one token: letters, digits, ``_`` and ``-`` stay, other bytes are ``=XX``.

    The empty text is ``=``. What is over 64 characters becomes 40 + ``=_`` + 16 hex of sha256.
    """
    if not text:
        return EMPTY
    if _PLAIN.fullmatch(text):
        token = text
    else:
        raw = text.encode("utf-8", "surrogatepass")
        token = _ESCAPE.sub(lambda byte: b"=%02X" % byte[0][0], raw).decode("ascii")
    if len(token) <= LIMIT:
        return token
    return token[:40] + "=_" + hashlib.sha256(token.encode()).hexdigest()[:16]


def decode(token: str) -> str | None:
    """Return what was encoded, or None for a token that had to be shortened.

    Raises ValueError for what ``encode`` never returns.
    """
    if token == EMPTY:
        return ""
    if token[40:42] == "=_" and len(token) == 58:
        return None
    if not token or not _ESCAPED.fullmatch(token):
        raise ValueError(f"not a subject token: {token!r}")
    parts = token.split("=")
    raw = parts[0].encode() + b"".join(
        bytes.fromhex(part[:2]) + part[2:].encode() for part in parts[1:]
    )
    return raw.decode("utf-8", "surrogatepass")


def subject(of: "Aggregate", fact: "Event | type[Event]") -> str:
    """Return where this fact about ``of`` is stored."""
    return within(of) + fact_of(fact)


def fact_of(fact: "Event | type[Event]") -> str:
    """Return the last token: ``build-started`` of ``run.build-started/1``."""
    return tag_of(fact).partition("/")[0].partition(".")[2]


def within(of: "Aggregate") -> str:
    """Return the prefix of all facts about one aggregate, with its last dot."""
    return f"ev.{encode(of.forge)}.{encode(of.project)}.{of.kind}.{encode(of.id)}."


def history(of: "Aggregate") -> str:
    """Return the filter of all facts about one aggregate."""
    return within(of) + ">"


def delivery(forge: str, id: str) -> str:
    """Return where one raw delivery is stored in DELIVERIES."""
    return f"delivery.{encode(forge)}.{encode(id)}"


def build_log(forge: str, project: str, run: str, function: str) -> str:
    """Return where the lines of one build are stored in LOGS."""
    return ".".join(("log.build", *map(encode, (forge, project, run, function))))


def function_log(forge: str, project: str, function: str, revision: str) -> str:
    """Return where the lines of one running revision are stored in LOGS."""
    return ".".join(("log.function", *map(encode, (forge, project, function, revision))))


def usage(forge: str, project: str, function: str) -> str:
    """Return where what was counted of one function is stored in USAGE."""
    return ".".join(("usage", *map(encode, (forge, project, function))))


def contains(filter: str, subject: str) -> bool:
    """Tell whether ``subject`` matches ``filter`` (``*`` one token, a last ``>`` the rest)."""
    wanted, given = filter.split("."), subject.split(".")
    for place, word in enumerate(wanted):
        if word == ">":
            return len(given) > place
        if place >= len(given) or word not in ("*", given[place]):
            return False
    return len(wanted) == len(given)
