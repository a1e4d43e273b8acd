"""Positions: the last sequence under the filters that consumers guard their decisions with."""

import re
from functools import lru_cache
from typing import Final

from schemas import subjects
from schemas.envelope import Aggregate, Recorded, Unknown
from schemas.events import Event

# of a project; of one fact in a project; of one fact anywhere; of one fact above projects
KEPT: Final = re.compile(
    r"ev\.[^.*>]+\.[^.*>]+\.>"
    r"|ev\.[^.*>]+\.[^.*>]+\.[a-z]+\.\*\.[a-z-]+"
    r"|ev\.\*\.\*\.[a-z]+\.\*\.[a-z-]+"
    r"|ev\.\*\.=\.[a-z]+\.\*\.[a-z-]+"
)


class Positions:
    """Last sequences; few, for they are counted by projects and not by runs."""

    def __init__(self, begins: int) -> None:
        """Begin after sequence ``begins``; what is under no filter since then is not known."""
        self._last: dict[str, int] = {}
        self._unseen = None if begins else 0

    def add(self, event: Recorded[Event]) -> None:
        """Go on by one event."""
        of = event.of
        project = _project(of.forge, of.project)
        same = f"{of.kind}.*.{fact(event.fact)}"
        last, seq = self._last, event.seq
        last[project + ">"] = seq
        last[project + same] = seq
        last["ev.*.*." + same] = seq
        if not of.project:
            last["ev.*.=." + same] = seq

    def last(self, filter: str) -> int | None:
        """Return the last sequence, 0 for none yet; None where that is not known."""
        if (seq := self._last.get(filter)) is not None:
            return seq
        return self._unseen if KEPT.fullmatch(filter) else None


@lru_cache(maxsize=4096)
def prefix(of: Aggregate) -> str:
    """Return the subject of all facts about ``of``, with its last dot."""
    return subjects.within(of)


@lru_cache(maxsize=4096)
def _project(forge: str, project: str) -> str:
    return f"ev.{subjects.encode(forge)}.{subjects.encode(project)}."


def fact(fact: Event) -> str:
    """Return the last token of a fact's subject."""
    if isinstance(fact, Unknown):
        return fact.type.partition("/")[0].partition(".")[2]
    return subjects.fact_of(fact)
