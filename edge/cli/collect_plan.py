"""`pushline collect --dry-run`: what nobody wants as the log stands, and why."""

import asyncio
from collections.abc import Iterator
from datetime import datetime

import msgspec
from rich.text import Text

from bus.connection import Bus, connect
from consumers.collector.consumer import Folds
from consumers.collector.decide import WORDS, cause, shut
from consumers.collector.standing import Gone, Project
from edge.cli.operator import settings
from edge.cli.output import as_json, table, when
from edge.cli.where import HomeOption, JsonOption


class Unwanted(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that goes."""

    project: str
    kind: str  # function, secret
    what: str  # environment/function, or a secret's name
    why: str
    because: int  # sequence of the fact that led to it
    due: datetime | None = None  # None: it is not announced yet


async def plan(*, json: JsonOption = False, home: HomeOption = None) -> int:
    """Tell what goes, and why, without touching anything; the log is read once, whole.

    A forge is not asked: what a whole project has goes only once it confirms that it is gone.
    """
    async with connect(settings(home), name="collect") as bus:
        folds = Folds.kept()
        await _filled(bus, folds)
    found = [
        one
        for project in folds.projects.rows.values()
        for one in unwanted(project, folds.tenant_of(project))
    ]
    if json:
        as_json(found)
        return 0
    rows = [
        (
            one.project,
            one.kind,
            one.what,
            when(one.due) if one.due else "",
            str(one.because),
            Text(one.why),
        )
        for one in found
    ]
    headings = ("PROJECT", "KIND", "WHAT", "GOES", "EVENT", "WHY")
    table(headings, rows, empty="nothing would go")
    return 0


async def _filled(bus: Bus, folds: Folds) -> None:
    head = await bus.log.head()
    tasks = [asyncio.create_task(fold.run(bus.follow)) for fold in folds.all()]
    try:
        for fold in folds.all():
            await fold.reached(head)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def unwanted(project: Project, tenant: Gone | None) -> Iterator[Unwanted]:
    """Yield what goes of a project, announced or not."""
    name, stays = project.name or project.id, False
    for place, one in project.standing.items():
        why = cause(project, tenant, place)
        if why is None or why.seq == one.spared:
            stays = True
            continue
        yield Unwanted(
            project=name,
            kind="function",
            what=place,
            why=WORDS[why.reason],
            because=why.seq,
            due=one.planned.due if one.planned else None,
        )
    whole = shut(project, tenant)
    if whole is not None and not stays:
        for kept in project.secrets.values():
            yield Unwanted(
                project=name,
                kind="secret",
                what=kept.name,
                why=WORDS[whole.reason],
                because=whole.seq,
            )
