"""`pushline events`: look at the log the way `git log` looks at history."""

from datetime import datetime

import msgspec
from cyclopts import App
from rich.text import Text

from bus.connection import Bus, connect
from edge.api.eventline import EventLine, line_of
from edge.cli.client import Api
from edge.cli.eventprint import kind
from edge.cli.eventtail import tail
from edge.cli.operator import settings
from edge.cli.output import as_json, console, when
from edge.cli.where import HERE, At, JsonOption, elsewhere
from schemas.envelope import Recorded
from schemas.errors import PushlineError
from schemas.events import Event

app = App(name="events", help="Look at the log the way `git log` looks at history.")
app.command(tail)
app.command("edge.cli.resend:resend", name="resend")


class EventUnknown(PushlineError):
    """No event has this sequence or id."""

    code = "event_unknown"


@app.command
async def show(event: str, *, json: JsonOption = False, at: At = HERE) -> int:
    """Show one event, whole.

    Parameters
    ----------
    event
        Its sequence in the log, or its id.
    """
    if (context := elsewhere(at)) is not None:
        shown = Api(context).get(f"/api/events/{sequence(event)}", EventLine)
    else:
        async with connect(settings(at.home), name="events-show") as bus:
            shown = line_of(await found_by(bus, event, await bus.log.head()))
    if json:
        as_json([shown])
        return 0
    out = console()
    out.print(Text.assemble(kind(shown), f"  {shown.seq}"))
    for name, value in msgspec.structs.asdict(shown).items():
        if name not in ("fact", "seq", "type") and value:
            text = when(value) if isinstance(value, datetime) else str(value)
            out.print(Text.assemble((f"  {name:<8} ", "bright_black"), text))
    body = msgspec.json.format(msgspec.json.encode(shown.fact), indent=2).decode()
    out.print(Text("\n".join(f"  {row}" for row in body.splitlines())))
    return 0


def sequence(event: str) -> int:
    """Return the sequence that names an event elsewhere; raises EventUnknown."""
    if not event.isdecimal():
        raise EventUnknown(
            f"{event} is no sequence", hint="of a Pushline elsewhere events are shown by sequence"
        )
    return int(event)


async def found_by(bus: Bus, wanted: str, head: int) -> Recorded[Event]:
    """Return the event with a sequence or an id; raises EventUnknown."""
    if wanted.isdecimal():
        if 0 < int(wanted) <= head:
            return await bus.log.get(int(wanted))
        raise EventUnknown(
            f"there is no event {wanted}",
            hint=f"the log has 1 to {head}" if head else "it is empty",
        )
    async for event in bus.follow.events(after=0, until=head):
        if event.id == wanted:
            return event
    raise EventUnknown(f"no event has the id {wanted}", hint="`pushline events tail` shows some")
