"""`pushline replay plan` and `apply`: what reaches the world is shown first, then asked for."""

import sys
from typing import Annotated, Final

import msgspec
from cyclopts import Parameter
from rich.text import Text

from bus.blocking import run_blocking
from edge.cli.output import as_json, console
from edge.cli.replay.applying import apply, recall, record
from edge.cli.replay.connecting import connections
from edge.cli.replay.planning import CAP, Item, NotPlanned, Plan, plan
from edge.cli.replay.selection import select
from edge.cli.replay.showing import counted
from edge.cli.replay.telling import Project, Since, quiet, told
from edge.cli.where import HomeOption, JsonOption

SHOWN: Final = 20  # events that are told of one by one
WAIT: Final = 60.0  # seconds for one event to be handled


class PlanLine(msgspec.Struct, frozen=True, kw_only=True):
    """A plan as JSON, stable."""

    plan: str
    consumer: str
    count: int
    first: int
    last: int
    idle: int
    left: int
    items: tuple[Item, ...]


async def plan_(
    what: str = "",
    *,
    consumer: Annotated[str, Parameter(help="Who is to take the events again.")],
    project: Project = "",
    since: Since = "",
    max: Annotated[int, Parameter(help=f"At most so many events, {CAP} or fewer.")] = CAP,
    json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Show what a consumer would do if it took recorded events again; nothing is done.

    Parameters
    ----------
    what
        A run, or a range of sequences: 100..200. Without it, all of history.
    """

    async def command() -> int:
        async with connections(home) as both:
            selection = await select(both.reading, what, project, since)
            with quiet():
                found = await plan(both.reading, selection, consumer, min(max, CAP))
            if found.items:
                await record(both.writing, found)
        _show(found, json=json)
        return 0

    return await told(command)


async def apply_(
    name: Annotated[str, Parameter(help="What `replay plan` has printed.")],
    *,
    yes: Annotated[bool, Parameter(negative=(), help="Do not ask.")] = False,
    wait: Annotated[float, Parameter(help="Seconds for one event to be handled.")] = WAIT,
    home: HomeOption = None,
) -> int:
    """Have the consumer take a plan's events again, two a second at most; this is for real.

    Refused when anything has moved since the plan was made. The first event that fails is the last.
    """

    async def command() -> int:
        async with connections(home) as both:
            with quiet():
                found = await recall(both.reading, name)
            _show(found, json=False)
            if not yes and not await _confirmed(name):
                raise NotPlanned(
                    "nothing was applied", hint=f"type {name} when asked, or say --yes"
                )
            whole = await apply(both.writing, found, wait=wait, told=_told)
        return 0 if whole else 1

    return await told(command)


def _show(found: Plan, *, json: bool) -> None:
    seqs = [item.seq for item in found.items]
    if json:
        line = PlanLine(
            plan=found.name if seqs else "",
            consumer=found.consumer,
            count=len(seqs),
            first=min(seqs, default=0),
            last=max(seqs, default=0),
            idle=found.idle,
            left=found.left,
            items=found.items,
        )
        as_json([line])
        return
    out = console()
    for item in found.items[:SHOWN]:
        kind = item.type.partition("/")[0]
        out.print(Text.assemble((f"{item.seq:>6}  ", "bright_black"), f"{kind}  {item.project}"))
        for deed in item.would:
            out.print(Text(f"          {deed}", style="yellow"))
    if len(seqs) > SHOWN:
        out.print(Text(f"        … and {len(seqs) - SHOWN} more", style="bright_black"))
    if not seqs:
        out.print(f"{found.consumer} would do nothing with {counted(found.idle, 'event')}")
        return
    count = f"{counted(len(seqs), 'event')}, {seqs[0]} to {seqs[-1]}"
    more = f", {found.left} more are left" if found.left else ""
    idle = f", nothing to do for {found.idle}" if found.idle else ""
    out.print(Text(f"{found.consumer}: {count}{more}{idle}"))
    out.print(Text.assemble("plan ", (found.name, "bold")))


async def _confirmed(name: str) -> bool:
    """Tell whether whoever sits there has typed the plan's name."""
    if not sys.stdin.isatty():
        return False
    sys.stdout.write(f"This reaches the world. Type {name} to apply it: ")
    sys.stdout.flush()
    typed: str = await run_blocking(sys.stdin.readline)
    return typed.strip() == name


def _told(seq: int, trouble: str) -> None:
    print(f"{seq:>6}  {trouble or 'handled'}", flush=True)
