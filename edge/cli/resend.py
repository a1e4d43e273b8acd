"""`pushline events resend`: a stored delivery through intake again."""

import secrets
from typing import Annotated

from cyclopts import Parameter

from bus.connection import connect
from edge.cli.operator import actor, settings
from edge.cli.output import as_json
from edge.cli.where import HomeOption, JsonOption
from edge.deliveries import delivery_of, request, resent
from schemas.errors import Retry
from schemas.ids import tag_of

WAIT = 30.0  # seconds for intake to take it


class NotTaken(Retry):
    """Intake has not taken a delivery in time; it does so by itself when it is there."""

    code = "not_taken"


async def resend(
    which: Annotated[
        str,
        Parameter(help="A delivery (github:ID), or an event that it led to: its sequence or id."),
    ],
    *,
    wait: float = WAIT,
    json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Have a stored delivery taken again, under its old id: only what is missing happens.

    What an older release ignored and this one understands is decided on now.

    Parameters
    ----------
    wait
        Seconds to wait for what comes of it.
    """
    async with connect(settings(home), name="events-resend") as bus:
        forge, id = await delivery_of(bus, which)
        seq = await request(bus.log, forge, id, actor=actor(), token=secrets.token_hex(8))
        told = await resent(bus, seq, wait)
        if told is None:
            raise NotTaken(
                f"intake has not taken it within {wait:g} s",
                hint="it is asked for, and happens once intake runs: `pushline events tail`",
            )
        facts = [await bus.log.get(added) for added in told.facts]
    if json:
        as_json([told])
        return 0
    for event in facts:
        print(f"added {event.seq}  {tag_of(event.fact)}  {event.of.id}")
    if not facts:
        print(f"{forge}:{id}: {told.reason}")
    return 0
