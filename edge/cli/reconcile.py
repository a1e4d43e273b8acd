"""`pushline reconcile`: ask the forges now for what they never delivered."""

import asyncio
import secrets
from contextlib import aclosing, suppress
from typing import Annotated, Final

import msgspec
from cyclopts import Parameter

from bus.connection import Bus, connect
from edge.cli.operator import actor, settings
from edge.cli.output import as_json, table
from edge.cli.where import HomeOption, JsonOption
from schemas.envelope import Aggregate
from schemas.errors import PushlineError, Retry
from schemas.events.reconciliation import ReconciliationFinished, ReconciliationRequested

WAIT: Final = 180.0  # seconds; what differs is looked at twice
FORGES: Final = ("github", "gitlab")
FINISHED: Final = "ev.*.=.reconciliation.=.finished"


class NotCompared(Retry):
    """A forge was not compared in time; it is as soon as recovery runs."""

    code = "not_compared"


class NoForge(PushlineError):
    """No forge is compared with the log."""

    code = "no_forge"


class Compared(msgspec.Struct, frozen=True):
    """What came of comparing a forge."""

    forge: str
    projects: int
    recovered: int
    silent: int
    reason: str
    sequence: int


async def reconcile(
    forge: Annotated[str, Parameter(help="github or gitlab; left out: each that is known.")] = "",
    *,
    wait: float = WAIT,
    json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Compare the forges with the log now: what was never delivered is taken.

    This happens by itself every PUSHLINE_RECONCILE_MINUTES. The exit code is 1 where a forge gives
    no answer.

    Parameters
    ----------
    wait
        Seconds to wait for what comes of it.
    """
    async with connect(settings(home), name="reconcile") as bus:
        asked = await _ask(bus, (forge,) if forge else FORGES)
        found = await _answers(bus, asked, wait)
    if json:
        as_json(found)
    else:
        rows = [
            (one.forge, str(one.projects), str(one.recovered), str(one.silent), one.reason)
            for one in found
        ]
        table(("FORGE", "PROJECTS", "RECOVERED", "SILENT", "NO ANSWER BECAUSE"), rows, empty="")
    return 1 if any(one.reason for one in found) else 0


async def _ask(bus: Bus, forges: tuple[str, ...]) -> dict[str, int]:
    """Ask for each forge that was compared before; return the sequences of the requests."""
    asked = {}
    for forge in forges:
        of = Aggregate(forge, "", "reconciliation", "")
        if await bus.log.last(of, ReconciliationFinished) is not None:
            id = f"reconcile:{forge}:{secrets.token_hex(8)}"
            asked[forge] = await bus.log.append(
                ReconciliationRequested(), of=of, id=id, actor=actor()
            )
    if not asked:
        raise NoForge(
            f"{' and '.join(forges)}: never compared",
            hint="set PUSHLINE_GITHUB_APP_ID and its key, or PUSHLINE_GITLAB_TOKEN",
        )
    return asked


async def _answers(bus: Bus, asked: dict[str, int], wait: float) -> list[Compared]:
    """Return what came of each request; NotCompared where nothing did in time."""
    found: dict[str, Compared] = {}
    with suppress(TimeoutError):
        async with (
            asyncio.timeout(wait),
            aclosing(bus.follow.events(after=min(asked.values()), filter=FINISHED)) as events,
        ):
            async for event in events:
                fact, forge = event.fact, event.of.forge
                if isinstance(fact, ReconciliationFinished) and fact.request >= asked.get(
                    forge, event.seq
                ):
                    found[forge] = _compared(forge, fact, event.seq)
                if len(found) == len(asked):
                    break
    if missing := [forge for forge in asked if forge not in found]:
        raise NotCompared(
            f"{', '.join(missing)}: not compared within {wait:g} s",
            hint="it is asked for, and happens once recovery runs: `pushline events tail`",
        )
    return [found[forge] for forge in asked]


def _compared(forge: str, fact: ReconciliationFinished, seq: int) -> Compared:
    return Compared(forge, fact.projects, fact.recovered, fact.silent, fact.reason, seq)
