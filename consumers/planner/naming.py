"""Naming: a tenant's label, and whose a function's name is, written as they are first needed."""

from typing import Final

import msgspec

from bus.log import Draft, EventLog, Guard
from consumers.planner import claims, labels
from consumers.planner.decide import BY
from consumers.planner.folds import Folds
from consumers.planner.projects import OpenRun
from schemas.envelope import Recorded, tenant
from schemas.events import Event
from schemas.events.function import FunctionClaimed
from schemas.events.tenant import TenantLabelled
from schemas.ids import event_id

LABELLED: Final = "ev.*.=.tenant.*.labelled"
RENAMED: Final = "ev.*.=.tenant.*.renamed"
CLAIMED: Final = "ev.*.*.function.*.claimed"


async def label_of(events: EventLog, folds: Folds, cause: Recorded[Event], owner: str) -> str:
    """Return the tenant's label; allot one to a tenant that has none."""
    of, rows = tenant(cause.of.forge, owner), folds.labels.rows
    key = labels.key_of(of)
    if found := labels.current(rows, key):
        return found
    seq = await events.last_seq(LABELLED)
    await folds.labels.reached(max(seq, await events.last_seq(RENAMED)))
    if found := labels.current(rows, key):
        return found
    label, was = labels.inherited(rows, key)
    fact = TenantLabelled(label or labels.allot(owner, labels.taken(rows)), was)
    id, guard = event_id(BY, cause.id, fact), Guard(LABELLED, seq)
    await events.append(fact, of=of, id=id, cause=cause, actor=BY, name=owner, guard=guard)
    return fact.label


async def claimable(
    events: EventLog, folds: Folds, resolved: Recorded[Event], run: OpenRun
) -> tuple[list[Draft], str]:
    """Return the claims of a run's names, guarded; or what is in their way."""
    seq = await events.last_seq(CLAIMED)
    await folds.claims.reached(seq)
    wanted, refusal = claims.missing(folds.claims.rows, run, resolved.of)
    drafts = [_claimed(resolved, run, name) for name in wanted]
    guard = Guard(CLAIMED, seq)
    drafts[:1] = [msgspec.structs.replace(first, guard=guard) for first in drafts[:1]]
    return ([], refusal) if refusal else (drafts, "")


def _claimed(resolved: Recorded[Event], run: OpenRun, function: str) -> Draft:
    place = f"{run.environment}/{function}"
    of = msgspec.structs.replace(resolved.of, kind="function", id=place)
    fact = FunctionClaimed(run.label, function)
    return Draft(fact, of, event_id(BY, resolved.id, fact, function))
