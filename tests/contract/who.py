"""Who writes and who reads a fact: from its docstring, and from what workers say they read."""

import re
from collections.abc import Iterable
from typing import Final

from edge.cli.workers import DURABLE
from schemas.catalog import FACTS
from schemas.events import Event
from schemas.ids import tag_of
from tests.contract.shapes import sentence

_SAID: Final = re.compile(
    r"Written by ([^.;,]+(?:, (?!read by)[^.;,]+)*)(?:, read by ([^.;]+))?[.;]"
)
_SAME: Final = {"that consumer": "workers", "it": "workers", "routers": "router"}
_BETWEEN: Final = re.compile(r",\s*(?:and\s+)?|\s+and\s+")


def writers(fact: type[Event]) -> tuple[str, ...]:
    """Return who appends it, as its docstring says."""
    said = _SAID.search(sentence(fact))
    return _names(said[1]) if said else ()


def readers(fact: type[Event]) -> tuple[str, ...]:
    """Return who acts on it: the workers that read it, and folds as its docstring names them."""
    said = _SAID.search(sentence(fact))
    told = _names(said[2]) if said and said[2] else ()
    working = [worker.durable for worker in DURABLE if fact in worker.reads]
    return tuple(dict.fromkeys((*working, *told)))


def aggregates() -> dict[str, list[type[Event]]]:
    """Return the facts of each aggregate, in the order of the alphabet."""
    found: dict[str, list[type[Event]]] = {}
    for fact in sorted(FACTS, key=tag_of):
        found.setdefault(tag_of(fact).partition(".")[0], []).append(fact)
    return found


def markdown() -> str:
    """Return the facts as a table: what is recorded of what, by whom, for whom."""
    lines = ["| aggregate | facts and who writes them | who acts on them |", "|---|---|---|"]
    for kind, facts in aggregates().items():
        by: dict[str, list[str]] = {}
        for fact in facts:
            name = tag_of(fact).partition(".")[2].removesuffix("/1")
            by.setdefault(", ".join(writers(fact)), []).append(name)
        written = " · ".join(f"{', '.join(names)}: {who}" for who, names in by.items())
        acting = _once(name for fact in facts for name in readers(fact))
        lines.append(f"| {kind} | {written} | {', '.join(acting)} |")
    return "\n".join(lines)


def _names(text: str) -> tuple[str, ...]:
    """Return the names in ``the planner, routes and edge``."""
    words = (word.strip().removeprefix("the ") for word in _BETWEEN.split(text))
    names = (word.partition(" for ")[0] for word in words if word)
    return tuple(_SAME.get(name, name) for name in names)


def _once(names: Iterable[str]) -> list[str]:
    return sorted(set(names))
