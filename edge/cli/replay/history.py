"""History at a moment: what the log would have answered then.

The newest facts of each aggregate are held as events pass, those of some thousands of aggregates;
the log's server is asked for what was before, or was let go.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from bus.asof import TooMany
from edge.cli.replay.decisions import NotRecorded
from edge.cli.replay.positions import Positions
from schemas import subjects
from schemas.envelope import Aggregate, Recorded, Unknown
from schemas.events import Event
from schemas.ids import tag_of

HELD: Final = 4000  # aggregates

Latest = Callable[[str, int], Awaitable[list[Recorded[Event]]]]  # by filter, up to a sequence


class Entry:
    """What is known about one aggregate."""

    __slots__ = ("events", "latest", "older", "since", "whole")

    def __init__(self, since: int, *, whole: bool) -> None:
        """Begin at ``since``; ``whole``: nothing was before."""
        self.since = since
        self.whole = whole
        self.older = False  # whether there are events before those in ``events``
        self.latest: dict[str, Recorded[Event]] = {}  # by the fact's name
        self.events: list[Recorded[Event]] = []  # of a run, in order

    def add(self, event: Recorded[Event]) -> None:
        """Take in one more event."""
        self.latest[_name(event.fact)] = event
        if event.of.kind == "run":
            self.events.append(event)


class History:
    """The log as it was once ``now`` was its head."""

    def __init__(self, latest: Latest, begins: int) -> None:
        """Begin after sequence ``begins``; ``latest`` tells what was before, or was let go."""
        self.now = begins
        self.positions = Positions(begins)
        self._latest = latest
        self._entries: OrderedDict[Aggregate, Entry] = OrderedDict()
        self._dropped = begins > 0  # whether there may be more than is held

    def add(self, event: Recorded[Event]) -> None:
        """Go on by one event."""
        entry = self._entries.get(event.of)
        if entry is None:
            entry = self._entered(event.of, event.seq)
        self._entries.move_to_end(event.of)
        entry.add(event)
        self.positions.add(event)
        self.now = event.seq

    def skip(self, event: Recorded[Event]) -> None:
        """Go on by one event of which only the position is kept."""
        self.positions.add(event)
        self.now = event.seq
        self._dropped = True

    async def last(self, of: Aggregate, facts: tuple[type[Event], ...]) -> Recorded[Event] | None:
        """Return the newest of these facts about ``of``, of any when none is named."""
        latest = (await self._entry(of)).latest
        names = [_name(fact) for fact in facts] if facts else list(latest)
        found = [latest[name] for name in names if name in latest]
        return max(found, key=lambda event: event.seq) if found else None

    async def of_run(self, run: Aggregate) -> list[Recorded[Event]]:
        """Return all events about a run; NotRecorded where some were let go."""
        entry = await self._entry(run)
        if entry.older:
            raise NotRecorded(f"the beginning of run {run.id} is too far back")
        return entry.events

    async def last_seq(self, filter: str) -> int:
        """Return the last sequence under a subject filter, 0 for none."""
        if (of := _aggregate(filter)) is not None:
            latest = (await self._entry(of)).latest.values()
            return max((event.seq for event in latest), default=0)
        if (seq := self.positions.last(filter)) is not None:
            return seq
        return max((event.seq for event in await self._ask(filter, self.now)), default=0)

    async def _entry(self, of: Aggregate) -> Entry:
        """Return all that is known about ``of``, asked for where something may be missing."""
        entry = self._entries.get(of)
        if entry is not None and entry.whole:
            return entry
        now = self.now
        until = now if entry is None else entry.since - 1
        before = await self._ask(subjects.history(of), until) if self._dropped else []
        if entry is None:
            entry = self._entered(of, now + 1)
        for event in before:
            entry.latest.setdefault(_name(event.fact), event)
        entry.whole, entry.older = True, bool(before)
        return entry

    async def _ask(self, filter: str, until: int) -> list[Recorded[Event]]:
        try:
            return await self._latest(filter, until)
        except TooMany as error:
            raise NotRecorded(f"what stood last under {filter}: {error}") from error

    def _entered(self, of: Aggregate, since: int) -> Entry:
        entry = self._entries[of] = Entry(since, whole=not self._dropped)
        if len(self._entries) > HELD:
            self._entries.popitem(last=False)
            self._dropped = True
        return entry


def _aggregate(filter: str) -> Aggregate | None:
    """Return the one aggregate whose history this filter is."""
    tokens = filter.split(".")
    if len(tokens) != 6 or tokens[5] != ">" or "*" in tokens:
        return None
    forge, project, id = (subjects.decode(tokens[place]) for place in (1, 2, 4))
    if forge is None or project is None or id is None:
        return None  # a shortened token
    return Aggregate(forge, project, tokens[3], id)


def _name(fact: Event | type[Event]) -> str:
    tag = fact.type if isinstance(fact, Unknown) else tag_of(fact)
    return tag.partition("/")[0]
