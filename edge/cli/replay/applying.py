"""A plan applied: one event after the other is handed to the one consumer, and waited for."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Final

from bus.connection import Bus
from edge.cli.operator import actor
from edge.cli.replay.journal import of_replay
from edge.cli.replay.planning import NotPlanned, Plan, again
from schemas import subjects
from schemas.events.replay import ReplayApplied, ReplayHandled, ReplayPlanned
from schemas.ids import tag_of

APART: Final = 0.5  # seconds between two events that are handed on, at least
POLL: Final = 0.2  # seconds between looks for a dead letter


class PlanMoved(NotPlanned):
    """Something has happened since the plan was made: what it would do now is something else."""

    code = "plan_moved"


async def record(bus: Bus, plan: Plan) -> None:
    """Record a plan, once."""
    seqs = tuple(item.seq for item in plan.items)
    fact = ReplayPlanned(plan.consumer, seqs, plan.digest)
    id = f"replay:{plan.name}:{tag_of(fact).partition('/')[0]}"
    await bus.log.append(fact, of=of_replay(plan.name), id=id, actor=actor())


async def recall(bus: Bus, name: str) -> Plan:
    """Return a recorded plan as it is now; raises NotPlanned, and PlanMoved where it differs."""
    planned = await bus.log.last(of_replay(name), ReplayPlanned)
    if planned is None:
        raise NotPlanned(f"there is no plan {name}", hint="`pushline replay plan …` makes one")
    if await bus.log.last(of_replay(name), ReplayApplied) is not None:
        raise PlanMoved(f"plan {name} was applied before", hint="make a new one")
    plan = await again(bus, planned.fact.consumer, planned.fact.seqs)
    if plan.digest != planned.fact.digest:
        raise PlanMoved(
            f"plan {name} was made when other things were so",
            hint="make it again, and look at what it would do now",
        )
    return plan


async def apply(bus: Bus, plan: Plan, *, wait: float, told: Callable[[int, str], None]) -> bool:
    """Hand each event to the consumer, wait for what comes of it; False where one failed.

    The first that fails, or does not end in time, is the last.
    """
    for item in plan.items:
        fact = ReplayApplied(plan.consumer, "EVENTS", item.seq)
        id = f"replay:{plan.name}:replay.applied:{item.seq}"
        at = await bus.log.append(fact, of=of_replay(plan.name), id=id, actor=actor())
        trouble = await _outcome(bus, plan, at, wait)
        told(item.seq, trouble)
        if trouble:
            return False
        await asyncio.sleep(APART)
    return True


async def _outcome(bus: Bus, plan: Plan, at: int, wait: float) -> str:
    """Return why the event that ``at`` points at was not handled, "" when it was."""
    handled = asyncio.create_task(_handled(bus, plan.name, at))
    try:
        async with asyncio.timeout(wait):
            while not handled.done():
                letter = await bus.deadletters.about("EVENTS", at)
                if letter is not None:
                    return f"given up: {letter.code}: {letter.reason} (dead letter {letter.key})"
                await asyncio.wait((handled,), timeout=POLL)
    except TimeoutError:
        return f"not handled within {wait:g} s; {plan.consumer} goes on with it"
    finally:
        handled.cancel()
    return ""


async def _handled(bus: Bus, name: str, at: int) -> None:
    cause = (await bus.log.get(at)).id
    filter = subjects.subject(of_replay(name), ReplayHandled)
    async with aclosing(bus.follow.events(after=at, filter=filter)) as events:
        async for event in events:
            if event.cause == cause:
                return
