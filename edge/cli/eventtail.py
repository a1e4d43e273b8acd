"""`pushline events tail`: the log as it is, and as it grows."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from rich.console import Console

from bus import moments
from bus.connection import Bus, connect
from edge.api.eventline import EventLine, line_of, word
from edge.api.shapes import Page
from edge.api.wanted import Wanted, wanted
from edge.cli.choosing import ActorOption, AfterOption, KindOption, SinceOption, UntilOption
from edge.cli.client import Api
from edge.cli.eventprint import shown
from edge.cli.operator import settings
from edge.cli.output import as_json, console
from edge.cli.streaming import newest, streamed
from edge.cli.where import HERE, At, FollowOption, JsonOption, elsewhere

NEWEST: Final = 20  # events that tail shows when nothing narrows it


async def tail(
    project: str = "",
    *,
    follow: FollowOption = False,
    kind: KindOption = "",
    actor: ActorOption = "",
    since: SinceOption = "",
    until: UntilOption = "",
    after: AfterOption = None,
    all: Annotated[bool, Parameter(negative=(), help="From the log's beginning.")] = False,
    json: JsonOption = False,
    at: At = HERE,
) -> int:
    """Print the newest events, each once and in order, whatever happens to the server meanwhile.

    Without an option the last 20; what narrows them searches the whole log. The number before
    each is its sequence: `--after` that goes on behind it, without a gap.

    Parameters
    ----------
    project
        Only of this project, owner/name; several between commas.
    """
    words = {"project": project, "actor": actor, "kind": kind, "since": since, "until": until}
    chosen = wanted(**words)
    begin = 0 if after is None and (all or chosen.narrow) else after
    out = console()
    if (context := elsewhere(at)) is not None:
        for line in _of_api(Api(context), begin, words, follow=follow):
            _print(line, out, json=json)
        return 0
    async with aclosing(_of_bus(at.home, chosen, begin, follow=follow)) as found:
        async for line in found:
            _print(line, out, json=json)
    return 0


def _print(line: EventLine, out: Console, *, json: bool) -> None:
    if json:
        as_json([line])
    else:
        shown(line, out)


def _of_api(
    api: Api, begin: int | None, words: dict[str, str], *, follow: bool
) -> Iterator[EventLine]:
    """Yield what stands there, and with ``follow`` what comes behind it."""
    many = NEWEST if begin is None else None
    found = newest(api, "/api/events", Page[EventLine], many, after=begin or 0, **words)
    yield from found
    if follow:
        after = found[-1].seq if found else begin
        yield from streamed(api, "/api/events/tail", EventLine, after, **words)


async def _of_bus(
    home: Path | None, chosen: Wanted, after: int | None, *, follow: bool
) -> AsyncGenerator[EventLine, None]:
    async with connect(settings(home), name="events-tail") as bus:
        head = await bus.log.head()
        begin = max(0, head - NEWEST) if after is None else after
        if chosen.since is not None:
            begin = max(begin, await moments.before(bus.log, chosen.since, head))
        if follow:
            left = None if chosen.until is None else _seconds(chosen.until)
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    async for line in _lines(bus, chosen, begin, None):
                        yield line
        elif begin < head:
            async for line in _lines(bus, chosen, begin, head):
                yield line


async def _lines(
    bus: Bus, chosen: Wanted, after: int, until: int | None
) -> AsyncGenerator[EventLine, None]:
    async with aclosing(bus.follow.events(after=after, until=until)) as events:
        async for event in events:
            if chosen.takes(
                kind=word(event),
                actor=event.actor,
                names=(event.name, event.of.project),
                time=event.time,
            ):
                yield line_of(event)


def _seconds(until: datetime) -> float:
    """Return how long a moment is away."""
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
