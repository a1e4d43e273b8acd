"""Renames: an account's label, projects and members go along when it gets another name.

Whoever takes the old name afterwards is somebody else: gets another label, and nothing of this.
"""

from contextlib import suppress
from typing import Final

from msgspec.structs import replace

from bus.log import Draft, EventLog, Guard
from consumers.planner import labels
from consumers.planner.decide import BY
from consumers.planner.folds import Folds
from consumers.planner.naming import LABELLED
from schemas.envelope import Aggregate, Recorded, tenant
from schemas.errors import IdReused
from schemas.events import Event
from schemas.events.project import ProjectRenamed
from schemas.events.tenant import TenantLabelled
from schemas.ids import event_id

BATCH: Final = 500  # facts appended at once; the server takes 1,000


async def follow(events: EventLog, folds: Folds, renamed: Recorded[Event], to: str) -> None:
    """Record what goes along with an account that is called ``to`` now.

    At GitLab a group takes along whatever lies in it. Raises Conflict where labels have moved.
    """
    await _labels(events, folds, renamed, to)
    await _members(events, folds, renamed, to)
    await folds.names.reached(renamed.seq)
    forge = renamed.of.forge
    for key, row in list(folds.names.rows.items()):
        known, _, project = key.partition(" ")
        if known != forge or (owner := _moved(row.owner, renamed.of.id, to)) is None:
            continue
        of, fact = Aggregate(forge, project, "project", ""), ProjectRenamed(owner, row.name)
        id, name = event_id(BY, renamed.id, fact, project), f"{owner}/{row.name}"
        with suppress(IdReused):  # told before, of a project that was called otherwise then
            await events.append(fact, of=of, id=id, cause=renamed, actor=BY, name=name)


async def _labels(events: EventLog, folds: Folds, renamed: Recorded[Event], to: str) -> None:
    seq = await events.last_seq(LABELLED)
    await folds.labels.reached(max(seq, renamed.seq))
    rows, forge = folds.labels.rows, renamed.of.forge
    drafts: list[Draft] = []
    for key in rows:
        known, _, old = key.partition(" ")
        if known != forge or (owner := _moved(old, renamed.of.id, to)) is None:
            continue
        of = tenant(forge, owner)
        label, was = labels.inherited(rows, labels.key_of(of))
        if label and not labels.current(rows, labels.key_of(of)):
            fact = TenantLabelled(label, was)
            guard = None if drafts else Guard(LABELLED, seq)
            drafts.append(Draft(fact, of, event_id(BY, renamed.id, fact, of.id), guard))
    if drafts:
        await events.append_all(drafts, cause=renamed, actor=BY, name=to)


async def _members(events: EventLog, folds: Folds, renamed: Recorded[Event], to: str) -> None:
    await folds.members.reached(renamed.seq)
    drafts: list[Draft] = []
    for key, row in list(folds.members.rows.items()):
        forge, _, old = key.partition(" ")
        if forge != renamed.of.forge or (owner := _moved(old, renamed.of.id, to)) is None:
            continue
        for who, given in row.given.items():
            for of, fact in (
                (tenant(forge, owner), given),
                (tenant(forge, old), replace(given, role="")),
            ):
                drafts.append(Draft(fact, of, event_id(BY, renamed.id, fact, of.id, who)))
    for start in range(0, len(drafts), BATCH):
        part = drafts[start : start + BATCH]
        await events.append_all(part, cause=renamed, actor=BY, name=to)


def _moved(owner: str, old: str, to: str) -> str | None:
    """Return what an owner is called where ``old`` is called ``to``; None for others."""
    if owner.lower() == old.lower():
        return to
    return to + owner[len(old) :] if owner.lower().startswith(f"{old.lower()}/") else None
