"""`pushline events`: look at the log the way `git log` looks at history."""

import fnmatch
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.text import Text

from bus.connection import Bus, connect
from edge.cli.operator import settings
from edge.cli.output import COLOURS, as_json, console, since, when
from edge.cli.where import FollowOption, HomeOption, JsonOption
from schemas import subjects
from schemas.envelope import Recorded, Unknown
from schemas.errors import PushlineError
from schemas.events import Event
from schemas.ids import tag_of

app = App(name="events", help="Look at the log the way `git log` looks at history.")
app.command("edge.cli.resend:resend", name="resend")

WIDEST = 24  # columns of a fact's name: function.deploy-started
NEWEST = 20  # events that tail shows when nothing narrows it

Filter = Callable[[Recorded[Event]], bool]


class EventUnknown(PushlineError):
    """No event has this sequence or id."""

    code = "event_unknown"


class SpanInvalid(PushlineError):
    """A span of time is written in another way."""

    code = "span_invalid"


class EventLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event as JSON: stable, an object a line."""

    seq: int
    time: datetime
    type: str  # ce-type: run.built/1
    forge: str
    project: str = ""
    name: str = ""
    kind: str
    id: str  # what it is about: the run's ulid, environment/function …
    event: str  # its own id
    cause: str = ""
    run: str = ""
    actor: str = ""
    subject: str
    fact: object


@app.command
async def tail(
    project: str = "",
    *,
    follow: FollowOption = False,
    type: Annotated[str, Parameter(help="Only these facts: 'run.*', run.built.")] = "",
    since_: Annotated[
        str, Parameter(name="--since", help="Only what is younger: 45s, 10m, 2h, 3d.")
    ] = "",
    all: Annotated[bool, Parameter(negative=(), help="From the log's beginning.")] = False,
    json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Print the newest events.

    Without an option the last 20; `--type`, `--since` and a project search the whole log.

    Parameters
    ----------
    project
        Only of this project, owner/name.
    """
    wanted = _filter(project, type, since_)
    async with connect(settings(home), name="events-tail") as bus:
        head = await bus.log.head()
        searched = bool(all or project or type or since_)
        after = 0 if searched else max(0, head - NEWEST)
        out = console()
        async for event in _events(bus, after, None if follow else head):
            if wanted(event):
                _print(event, out, json=json)
    return 0


@app.command
async def show(event: str, *, json: JsonOption = False, home: HomeOption = None) -> int:
    """Show one event, whole.

    Parameters
    ----------
    event
        Its sequence in the log, or its id.
    """
    async with connect(settings(home), name="events-show") as bus:
        head = await bus.log.head()
        found = await _found(bus, event, head)
    shown = line_of(found)
    if json:
        as_json([shown])
        return 0
    out = console()
    out.print(Text.assemble(kind(found), f"  {found.seq} of {head}"))
    for name, value in msgspec.structs.asdict(shown).items():
        if name not in ("fact", "seq", "type") and value:
            text = when(value) if isinstance(value, datetime) else str(value)
            out.print(Text.assemble((f"  {name:<8} ", "bright_black"), text))
    body = msgspec.json.format(msgspec.json.encode(shown.fact), indent=2).decode()
    out.print(Text("\n".join(f"  {row}" for row in body.splitlines())))
    return 0


def line_of(event: Recorded[Event]) -> EventLine:
    """Return an event in its stable JSON shape."""
    tag = _tag(event)
    fact = msgspec.to_builtins(event.fact)
    fact.pop("type", None)
    return EventLine(
        seq=event.seq,
        time=event.time,
        type=tag,
        forge=event.of.forge,
        project=event.of.project,
        name=event.name,
        kind=event.of.kind,
        id=event.of.id,
        event=event.id,
        cause=event.cause,
        run=event.run,
        actor=event.actor,
        subject=subjects.within(event.of) + _word(event).partition(".")[2],
        fact=fact,
    )


def _tag(event: Recorded[Event]) -> str:
    return event.fact.type if isinstance(event.fact, Unknown) else tag_of(event.fact)


def _word(event: Recorded[Event]) -> str:
    """Return the fact without its version: ``run.built``."""
    return _tag(event).partition("/")[0]


async def _events(bus: Bus, after: int, until: int | None) -> AsyncIterator[Recorded[Event]]:
    if until is None or until > after:
        async for event in bus.follow.events(after=after, until=until):
            yield event


async def _found(bus: Bus, wanted: str, head: int) -> Recorded[Event]:
    if wanted.isdecimal():
        if 0 < int(wanted) <= head:
            return await bus.log.get(int(wanted))
        raise EventUnknown(
            f"there is no event {wanted}",
            hint=f"the log has 1 to {head}" if head else "it is empty",
        )
    async for event in _events(bus, 0, head):
        if event.id == wanted:
            return event
    raise EventUnknown(f"no event has the id {wanted}", hint="`pushline events tail` shows some")


def _filter(project: str, type: str, span: str) -> Filter:
    try:
        oldest = datetime.now(UTC) - since(span) if span else None
    except ValueError as error:
        raise SpanInvalid(f"--since: {error}") from error

    def wanted(event: Recorded[Event]) -> bool:
        if project and project not in (event.name, event.of.project):
            return False
        if oldest and event.time < oldest:
            return False
        return not type or fnmatch.fnmatchcase(_word(event), type)

    return wanted


def _print(event: Recorded[Event], out: Console, *, json: bool) -> None:
    if json:
        as_json([line_of(event)])
        return
    out.print(
        Text.assemble(
            (f"{event.seq:>6}  {when(event.time)}  ", "bright_black"),
            kind(event, WIDEST),
            f"  {event.name or event.of.project or event.of.forge}",
            (f"  {event.of.id}", "bright_black"),
            f"  {gist(event)}",
        )
    )
    sys.stdout.flush()


def kind(event: Recorded[Event], width: int = 0) -> Text:
    """Return the fact's name in its colour."""
    word = _word(event)
    last = word.rpartition(".")[2].rpartition("-")[2]
    colour = {"built": "green", "deployed": "green"}.get(last) or COLOURS.get(last, "cyan")
    return Text(f"{word:<{width}}", style=colour)


def gist(event: Recorded[Event]) -> str:
    """Return the words of a fact that tell the most."""
    names = ("function", "outcome", "sha", "after", "message", "reason", "label", "by")
    said = {name: str(getattr(event.fact, name, "")) for name in names}
    said["sha"], said["after"] = said["sha"][:8], said["after"][:8]
    if event.of.kind == "function":
        said["function"] = event.of.id
    return " ".join(word for word in said.values() if word)
