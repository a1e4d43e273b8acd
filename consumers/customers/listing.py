"""The list of customers as people write it: an account a line. Pure.

``alice`` is that account of either forge, ``github:alice`` of one; ``*`` is everybody,
``github:*`` everybody there. ``#`` begins a comment. A list without an entry is taken for a
mistake, such as an empty answer; who means it writes ``nobody``.

The functions of two tenants share the names ``<tenant>-<function>``: ``a-b`` with ``c`` and ``a``
with ``b-c`` are both ``a-b-c``. So no account is let in whose name begins with another's and a
dash, nor one that another's begins with: the first of them stays (the predecessor's
``ValidateCustomerList``, which nothing called).
"""

import re
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from schemas.errors import PushlineError

FORGES: Final = ("github", "gitlab")
EVERYBODY: Final = "*"
NOBODY: Final = "nobody"
MOST: Final = 100_000  # lines

# GitHub's logins, and GitLab's names of users and groups: no "--" at either end, no slash
_LINE: Final = re.compile(r"(?:(github|gitlab):)?(\*|[a-z0-9_][a-z0-9_.-]{0,254})")


class CustomersInvalid(PushlineError):
    """The list of customers is not one; the last good one still holds."""

    code = "customers_invalid"


class Customer(NamedTuple):
    """One account of one forge."""

    forge: str
    owner: str  # in lower case; "*": all of the forge


def parse(text: str) -> tuple[Customer, ...]:
    """Return the accounts in their order; CustomersInvalid names the line that is none."""
    lines = text.splitlines()
    if len(lines) > MOST:
        raise CustomersInvalid(f"the list has over {MOST} lines", hint="write * for everybody")
    found: dict[Customer, None] = {}
    said = False
    for number, line in enumerate(lines, start=1):
        entry = line.partition("#")[0].strip().lower()
        if not entry:
            continue
        said = True
        if entry == NOBODY:
            continue
        match = _LINE.fullmatch(entry)
        if match is None:
            raise CustomersInvalid(
                f"line {number} is no account: {entry[:60]!r}",
                hint="write a login a line, or github:LOGIN, gitlab:GROUP, *",
            )
        forges = (match[1],) if match[1] else FORGES
        found |= dict.fromkeys(Customer(forge, match[2]) for forge in forges)
    if not said:
        raise CustomersInvalid(
            "the list is empty", hint=f"write {NOBODY} in it if nobody is to be let in"
        )
    return tuple(found)


def collides(owner: str, with_: str) -> bool:
    """Tell whether the functions of two accounts may get the same name."""
    return owner.startswith(f"{with_}-") or with_.startswith(f"{owner}-")


class Changes(NamedTuple):
    """What a list asks to be recorded."""

    admitted: tuple[Customer, ...]
    dismissed: tuple[Customer, ...]
    refused: tuple[tuple[str, str], ...]  # owner, and with whom it collides


def changes(listed: Iterable[Customer], admitted: Collection[Customer]) -> Changes:
    """Return what becomes of the accounts that are let in; who is in stays in before who comes."""
    wanted = dict.fromkeys(listed)
    kept = [customer for customer in admitted if customer in wanted]
    names = _Names(customer.owner for customer in kept)
    new, refused = [], []
    for customer in wanted:
        if customer in admitted:
            continue
        if other := names.in_the_way(customer.owner):
            refused.append((customer.owner, other))
        else:
            names.add(customer.owner)
            new.append(customer)
    gone = tuple(customer for customer in admitted if customer not in wanted)
    return Changes(tuple(new), gone, tuple(dict.fromkeys(refused)))


class _Names:
    """The names that are taken; finds a collision without looking at all of them."""

    def __init__(self, names: Iterable[str]) -> None:
        self._taken: set[str] = set()
        self._starts: dict[str, str] = {}  # each part of a name before a dash, and the name
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        self._taken.add(name)
        for start in _starts(name):
            self._starts.setdefault(start, name)

    def in_the_way(self, name: str) -> str:
        """Return a taken name that this one collides with, "" for none."""
        if name in self._starts:
            return self._starts[name]
        return next((start for start in _starts(name) if start in self._taken), "")


def _starts(name: str) -> Iterable[str]:
    return (name[:place] for place, letter in enumerate(name) if letter == "-")
