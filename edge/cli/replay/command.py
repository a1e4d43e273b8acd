"""`pushline replay`: recorded history through the code that is installed; nothing is done."""

import secrets
import time
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from cyclopts import App, Parameter

from bus.fold import Fold
from edge.cli.replay import journal
from edge.cli.replay.connecting import Connections, connections
from edge.cli.replay.parts.cast import PARTS, cast
from edge.cli.replay.plan_command import apply_, plan_
from edge.cli.replay.running import Replay
from edge.cli.replay.selection import RangeInvalid, Selection, select
from edge.cli.replay.showing import Tally
from edge.cli.replay.stage import BEYOND, Gate
from edge.cli.replay.stepping import Paced, Stepper
from edge.cli.replay.telling import Project, Since, quiet, told
from edge.cli.replay.watching import watched
from edge.cli.state.folds import every
from edge.cli.where import HomeOption, JsonOption
from schemas.events.replay import ReplayFinished
from schemas.ids import run_id

app = App(name="replay")

app.command(plan_, name="plan")
app.command(apply_, name="apply")

EQUAL, DIFFERS = 0, 1

Speed: TypeAlias = Literal["1x", "10x", "max", "step"]


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for."""

    what: str
    project: str
    since: str
    consumers: tuple[str, ...]
    speed: Speed | None  # of a private copy; None: the log itself is read
    json: bool


@app.default
async def replay(
    what: str = "",
    *,
    project: Project = "",
    since: Since = "",
    consumer: Annotated[
        str, Parameter(help=f"Which, with commas between: {', '.join(PARTS)}. Without: all.")
    ] = "",
    private: Annotated[
        bool, Parameter(negative=(), help="Go through a copy of the range, at a speed.")
    ] = False,
    speed: Annotated[
        Speed, Parameter(help="Of --private: step asks before each event on the terminal.")
    ] = "step",
    json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Compare what consumers decided with what the installed code decides now.

    Parameters
    ----------
    what
        A run, or a range of sequences: 100..200. Without it, all of history.
    """
    wish = Wish(
        what=what,
        project=project,
        since=since,
        consumers=tuple(consumer.replace(",", " ").split()),
        speed=speed if private else None,
        json=json,
    )
    return await told(lambda: _replay(wish, home))


# The help is the docstring, and what is compared stands beside each consumer.
_COMPARED = "".join(f"\n    - {name}: {make().compares}" for name, make in PARTS.items())
replay.__doc__ = (replay.__doc__ or "").replace(
    "\n\n    Parameters",
    f"""

    Nothing is done: no build, no deployment, no request to a forge. Another revision is tried from
    its own checkout: `other/deploy/pushline replay … --home HOME`. The exit code is 0 where all is
    equal, 1 where something differs, 2 where it could not be found out. What is compared:
    {_COMPARED}

    Parameters""",
)


async def _replay(wish: Wish, home: Path | None) -> int:
    cast(wish.consumers)  # refused before anything is connected
    if wish.json and wish.speed == "step":
        raise RangeInvalid("--json is not for people, and --speed step is", hint="choose a pace")
    async with connections(home) as both:
        selection = await select(both.reading, wish.what, wish.project, wish.since)
        with quiet():
            return await _recorded(both, wish, selection)


async def _recorded(both: Connections, wish: Wish, selection: Selection) -> int:
    """Replay, and record that and with what result; also when it is stopped or fails."""
    id = run_id(secrets.token_hex(16), datetime.now(UTC))
    tally = Tally(json=wish.json, every=wish.speed is not None)
    going = Replay(both.reading, selection, cast(wish.consumers), tally)
    names = tuple(part.name for part in going.parts)
    await journal.begin(both.writing.log, id, selection, names, private=wish.speed is not None)
    fact, begun = ReplayFinished(outcome="failed"), time.monotonic()
    try:
        whole = await _go(id, wish, going)
        fact = tally.finished(going.events, stopped=not whole)
    finally:
        await journal.end(both.writing.log, id, fact)
    tally.summary(id, fact, time.monotonic() - begun)
    return DIFFERS if fact.different else EQUAL


async def _go(id: str, wish: Wish, going: Replay) -> bool:
    """Go through the log, or a private copy; False when it was stopped on the way."""
    if wish.speed is None:
        async with watched(going):
            return await going.run()
    selection = going.selection
    last = min(selection.until + BEYOND, await going.bus.log.head())
    folds = every() if wish.speed == "step" else {}
    gate = _gate(wish.speed, folds)
    async with (
        going.bus.copies.of(id.lower(), selection.first, last) as copy,
        aclosing(copy.batches()) as batches,
    ):
        return await going.run(batches, gate=gate, folds=tuple(folds.values()))


def _gate(speed: Speed, folds: dict[str, Fold[Any]]) -> Gate | None:
    match speed:
        case "step":
            return Stepper(folds)
        case "max":
            return None
        case _:
            return Paced(float(speed.removesuffix("x")))
