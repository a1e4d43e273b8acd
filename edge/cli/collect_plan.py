"""`pushline collect --dry-run`: what nobody wants as the log stands, and why."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from rich.text import Text

from bus.connection import Bus, connect
from bus.fold import Fold
from consumers.collector import artefacts, buildlogs
from consumers.collector.artefacts import Artefacts
from consumers.collector.buildlogs import Logs
from consumers.collector.clearing import AGE
from consumers.collector.consumer import Folds
from consumers.collector.decide import WORDS, cause, shut
from consumers.collector.standing import Gone, Project
from edge.cli import settings as choices
from edge.cli.operator import settings
from edge.cli.output import as_json, table, when
from edge.cli.where import HomeOption, JsonOption

UNNEEDED: Final = "no kept revision needs it, and no open run"


class Unwanted(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that goes."""

    project: str
    kind: str  # function, secret, archive, spec, image, log
    what: str  # environment/function, a secret's name, a digest, commit/function of a log
    why: str
    because: int  # sequence of the fact that led to it
    due: datetime | None = None  # at the earliest; None: it is not announced yet


async def plan(*, json: JsonOption = False, home: HomeOption = None) -> int:
    """Tell what goes, and why, without touching anything; the log is read once, whole.

    A forge is not asked: what a whole project has goes only once it confirms that it is gone.
    """
    chosen, _, _ = choices.current()
    folds, made, logs = Folds.kept(), artefacts.fold(), buildlogs.fold()
    async with connect(settings(home), name="collect") as bus:
        await _filled(bus, *folds.all(), made, logs)
    found = [
        one
        for project in folds.projects.rows.values()
        for one in unwanted(project, folds.tenant_of(project))
    ]
    found += unneeded(made.rows, chosen.keep_revisions)
    found += old_logs(logs.rows, chosen.keep_revisions, timedelta(days=chosen.build_log_days))
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


async def _filled(bus: Bus, *folds: Fold[Any]) -> None:
    head = await bus.log.head()
    tasks = [asyncio.create_task(fold.run(bus.follow)) for fold in folds]
    try:
        for fold in folds:
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


def unneeded(rows: dict[str, Artefacts], keep: int) -> Iterator[Unwanted]:
    """Yield artefacts that no kept revision needs; a day after they were named last they go."""
    for project, _, made in artefacts.unneeded(rows, keep, datetime.max.replace(tzinfo=UTC)):
        yield Unwanted(
            project=rows[project].name or rows[project].project,
            kind=made.kind,
            what=made.reference or made.digest,
            why=UNNEEDED,
            because=made.named,
            due=made.at + AGE,
        )


def old_logs(rows: dict[str, Logs], keep: int, age: timedelta) -> Iterator[Unwanted]:
    """Yield the logs of builds that are older than ``age`` and of no kept revision."""
    for row in rows.values():
        for kept in buildlogs.unneeded(row, keep, datetime.now(UTC) - age):
            yield Unwanted(
                project=kept.repository,
                kind="log",
                what=kept.id,
                why=UNNEEDED,
                because=kept.named,
                due=kept.at + age,
            )
