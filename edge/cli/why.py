"""`pushline why`: what led to an event, and what came of it."""

from datetime import datetime

from rich.text import Text
from rich.tree import Tree

from bus.connection import connect
from edge.api.eventline import EventLine
from edge.api.why import Effect, Why
from edge.api.why import why as found_why
from edge.cli.client import Api
from edge.cli.eventprint import gist, kind
from edge.cli.events import found_by, sequence
from edge.cli.operator import settings
from edge.cli.output import as_json, console, duration, when
from edge.cli.where import HERE, At, JsonOption, elsewhere


async def why(event: str, *, json: JsonOption = False, at: At = HERE) -> int:
    """Show what led to an event, back to the delivery that began it, and all that came of it.

    Parameters
    ----------
    event
        Its sequence in the log, or its id: both stand in `pushline events tail`.
    """
    if (context := elsewhere(at)) is not None:
        found = Api(context).get(f"/api/events/{sequence(event)}/why", Why)
    else:
        async with connect(settings(at.home), name="why") as bus:
            asked = await found_by(bus, event, await bus.log.head())
            found = await found_why(bus.log, bus.follow, asked, lambda _: True)
    if json:
        as_json([found])
    else:
        console().print(tree(found))
    return 0


def tree(found: Why) -> Tree:
    """Return causes and effects as a tree; a time stands behind what it took."""
    first = (found.above or [found.event])[0]
    root = node = Tree(_origin(found, first))
    before: datetime | None = None
    for line in (*found.above, found.event):
        node = node.add(_told(line, before, asked=line is found.event))
        before = line.time
    _grow(node, found.below, found.event.time)
    return root


def _origin(found: Why, first: EventLine) -> Text:
    began = f"  {when(first.time)}"
    if not found.origin:
        return Text.assemble("nothing before", (began, "bright_black"))
    return Text.assemble((found.origin, "bold"), (began, "bright_black"))


def _grow(node: Tree, effects: list[Effect], before: datetime) -> None:
    for effect in effects:
        _grow(node.add(_told(effect.event, before, asked=False)), effect.below, effect.event.time)


def _told(line: EventLine, before: datetime | None, *, asked: bool) -> Text:
    took = "" if before is None else f"  +{duration((line.time - before).total_seconds() * 1000)}"
    return Text.assemble(
        (f"{line.seq} ", "bold" if asked else "bright_black"),
        kind(line),
        f"  {gist(line)}" if gist(line) else f"  {line.id}",
        (f"  by {line.actor}" if line.actor else "", "bright_black"),
        (took, "bright_black"),
        ("  ← asked for" if asked else "", "bold"),
    )
