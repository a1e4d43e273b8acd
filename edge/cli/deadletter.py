"""`pushline deadletter`: what workers have given up, and trying it again."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, suppress
from typing import Annotated

from cyclopts import App, Parameter, validators
from rich.text import Text

from bus.connection import Bus, connect
from bus.deadletters import DeadLetter
from bus.letters import drop as drop_letter
from bus.letters import led_to, letters, origin, outcomes, redrive
from edge.cli.explain.source import codes
from edge.cli.operator import actor, settings
from edge.cli.output import as_json, console, table, when
from edge.cli.where import HomeOption, JsonOption
from edge.letters import Choice, ChoiceInvalid, LetterView, chosen, found, grouped, view
from schemas.ids import tag_of

app = App(name="deadletter", help="See what was given up and why; try it again, or drop it.")

WAIT = 10.0  # seconds for what is redriven to come to an end
LATE = ("under way", "it has not ended yet: `pushline deadletter ls --all` tells")


@app.command
async def ls(*, all: bool = False, json: JsonOption = False, home: HomeOption = None) -> int:
    """List what is given up, grouped by what went wrong.

    Parameters
    ----------
    all
        A letter a line, also those that were redriven or dropped; without it, open ones.
    """
    async with connect(settings(home), name="deadletter-ls") as bus:
        known = await letters(bus)
        shown = [view(letter, await origin(bus, letter.dead)) for letter in known if all]
    if all:
        _list(shown, json=json)
        return 0
    groups = grouped(letter.dead for letter in known if letter.state == "open")
    if json:
        as_json(groups)
        return 0
    rows = [
        (
            group.consumer,
            Text(group.code, style="red"),
            str(group.count),
            when(group.first),
            when(group.last),
            group.letters[0],
            Text(group.reason),
        )
        for group in groups
    ]
    headings = ("CONSUMER", "CODE", "COUNT", "FIRST", "LAST", "ONE OF THEM", "REASON")
    table(headings, rows, empty="nothing was given up")
    return 0


def _list(shown: Sequence[LetterView], *, json: bool) -> None:
    if json:
        as_json(shown)
        return
    rows = [
        (one.id, one.state, one.code, when(one.time), one.project, Text(one.reason))
        for one in shown
    ]
    table(("ID", "STATE", "CODE", "WHEN", "PROJECT", "REASON"), rows, empty="no dead letters")


@app.command
async def show(id: str, *, json: JsonOption = False, home: HomeOption = None) -> int:
    """Show one dead letter: what went wrong, where, what to do, and what it is about.

    Parameters
    ----------
    id
        As `deadletter ls` prints it.
    """
    async with connect(settings(home), name="deadletter-show") as bus:
        letter = found(await letters(bus), id)
        one = view(letter, await origin(bus, letter.dead))
    if json:
        as_json([one])
        return 0
    out = console()
    out.print(Text.assemble((one.code, "bold red"), f"  {one.reason}"))
    explained = codes().get(one.code)
    cure = one.hint or (explained.cures[0] if explained and explained.cures else "")
    about = f"{one.type} {one.event}".strip() or "a message that is gone, or cannot be read"
    lines = {
        "id": f"{one.id} ({one.state}{f' by {one.by}' if one.by else ''})",
        "when": f"{when(one.time)}, after {one.attempts} attempt{'s' * (one.attempts != 1)}",
        "meaning": explained.meaning if explained else "",
        "cure": cure,
        "about": f"{about}, {one.stream} {one.seq}",
        "project": one.project,
        "run": one.run,
        "again": f"{one.again} was taken again, and failed like this" if one.again else "",
    }
    for name, text in lines.items():
        if text:
            out.print(Text.assemble((f"  {name:<8} ", "bright_black"), text))
    for line in one.stack:
        out.print(Text(f"    {line}", style="bright_black"))
    return 0


@app.command(name="redrive")
async def redrive_(
    *ids: Annotated[str, Parameter(help="Letters, as `deadletter ls` prints them.")],
    consumer: str = "",
    code: str = "",
    all: bool = False,
    max: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 100,
    wait: float = WAIT,
    home: HomeOption = None,
) -> int:
    """Have the consumer that failed take the message again, with attempts of its own.

    Nothing is published a second time. The exit code is 1 when one fails again.

    Parameters
    ----------
    consumer
        All open letters of this consumer.
    code
        Of those, the ones with this error code.
    all
        All open letters.
    max
        At most so many, the oldest.
    wait
        Seconds to wait for what comes of it.
    """
    async with connect(settings(home), name="deadletter-redrive") as bus:
        choice = Choice(ids=ids, consumer=consumer, code=code, all=all)
        meant = chosen(await letters(bus), choice)
        now, left = meant[:max], len(meant[max:])
        sent = {await redrive(bus, letter, actor=actor()): letter for letter in now}
        ends = await _ends(bus, sent, wait)
    for seq, letter in sent.items():
        word, text = ends.get(seq, LATE)
        print(f"{letter.key}  {word}{f'  {text}' if text else ''}")
    failed = [word for word, _ in ends.values()].count("failed again")
    more = f", {left} more are left: --max {max + left}" if left else ""
    print(f"{len(now)} redriven, {failed} failed again{more}")
    return 1 if failed else 0


async def _ends(bus: Bus, sent: dict[int, DeadLetter], wait: float) -> dict[int, tuple[str, str]]:
    """Return what came of letters within so many seconds."""
    found: dict[int, tuple[str, str]] = {}
    with suppress(TimeoutError):
        async with asyncio.timeout(wait), aclosing(outcomes(bus, sent)) as ends:
            async for seq, again in ends:
                if again is None:
                    found[seq] = ("handled", await _led_to(bus, sent[seq], seq))
                else:
                    found[seq] = ("failed again", f"{again.key}: {again.reason}")
    return found


async def _led_to(bus: Bus, letter: DeadLetter, seq: int) -> str:
    facts = [f"{tag_of(event.fact)} ({event.seq})" for event in await led_to(bus, letter, seq)]
    return ", ".join(facts) or "nothing was left to do: what waited for it has ended"


@app.command
async def drop(
    *ids: Annotated[str, Parameter(help="Letters, as `deadletter ls` prints them.")],
    reason: str,
    home: HomeOption = None,
) -> int:
    """Give letters up for good; the record keeps them, with the reason.

    Parameters
    ----------
    reason
        Why nobody is to try again.
    """
    if not reason.strip():
        raise ChoiceInvalid("--reason is empty", hint="say why nobody is to try again")
    async with connect(settings(home), name="deadletter-drop") as bus:
        for letter in chosen(await letters(bus), Choice(ids=ids)):
            await drop_letter(bus, letter, reason, actor=actor())
            print(f"{letter.key}  dropped")
    return 0
