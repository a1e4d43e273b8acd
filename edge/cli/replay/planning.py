"""What a consumer would do now with events of the past: computed and hashed, not done."""

import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Any, Final

import msgspec

from bus.asof import latest
from bus.connection import Bus
from bus.log import Draft
from edge.cli.replay.decisions import Attempt, Decision, Verdict
from edge.cli.replay.history import History
from edge.cli.replay.parts.cast import PARTS, cast
from edge.cli.replay.parts.part import Part
from edge.cli.replay.selection import Selection
from edge.cli.replay.stage import INTAKE, Stage, World
from edge.cli.replay.window import Window
from schemas.envelope import Recorded
from schemas.errors import PushlineError
from schemas.events import Event
from schemas.ids import tag_of

CAP: Final = 100  # events of one plan
NAME: Final = 12  # hex digits of a plan's digest that people type


class NotPlanned(PushlineError):
    """There is nothing to plan, no such plan, or what was planned has moved."""

    code = "not_planned"


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One event, and what handling it now would do."""

    seq: int
    event: str
    type: str
    project: str
    would: tuple[str, ...]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Events that one consumer is to take again."""

    consumer: str
    items: tuple[Item, ...]
    idle: int = 0  # events in the range with which it would do nothing
    left: int = 0  # events beyond the cap

    @property
    def digest(self) -> str:
        """Return the hash of all that it would do."""
        whole = msgspec.json.encode((self.consumer, self.items))
        return hashlib.sha256(whole).hexdigest()

    @property
    def name(self) -> str:
        """Return what is typed to apply it."""
        return self.digest[:NAME]


def planned_part(consumer: str) -> Part:
    """Return the consumer; NotPlanned for one that takes nothing again by a plan."""
    able = [name for name in PARTS if name != INTAKE]
    if consumer not in able:
        raise NotPlanned(
            f"no plan can be made for {consumer or 'nobody'}",
            hint=f"--consumer is one of {', '.join(able)}; deliveries: `pushline events resend`",
        )
    return cast((consumer,))[0]


async def plan(bus: Bus, selection: Selection, consumer: str, cap: int = CAP) -> Plan:
    """Return what the consumer would do now with the events of the selection that it reads."""
    part = planned_part(consumer)
    now = await Now.made(bus, part)
    items, idle, left = list[Item](), 0, 0
    events = bus.follow.events(after=selection.after, until=selection.until)
    async with aclosing(events) as found:
        async for event in found:
            if not isinstance(event.fact, part.reads) or not selection.wants(event):
                continue
            if not (would := await now.would(event)):
                idle += 1
            elif len(items) >= cap:
                left += 1
            else:
                items.append(_item(event, would))
    return Plan(consumer=consumer, items=tuple(items), idle=idle, left=left)


async def again(bus: Bus, consumer: str, seqs: tuple[int, ...]) -> Plan:
    """Return the plan of these events as it would be made now."""
    now = await Now.made(bus, planned_part(consumer))
    events = [await bus.log.get(seq) for seq in seqs]
    items = [_item(event, await now.would(event)) for event in events]
    return Plan(consumer=consumer, items=tuple(items))


class Now:
    """A consumer in front of the log as it is at this moment."""

    def __init__(self, bus: Bus, part: Part, stage: Stage, attempts: list[Attempt]) -> None:
        """Let it decide on ``stage``; what it makes is put into ``attempts``."""
        self._bus = bus
        self._part = part
        self._stage = stage
        self._attempts = attempts

    @classmethod
    async def made(cls, bus: Bus, part: Part) -> "Now":
        """Fold the log up to its head, where the consumer decides by folds."""
        head = await bus.log.head()
        history = History(partial(latest, bus.js), 0 if part.folds else head)
        world = World(
            history=history, blobs=bus.blobs, event=bus.log.get, delivery=bus.deliveries.find
        )
        attempts = list[Attempt]()

        def told(_: Decision, attempt: Attempt, __: Verdict) -> None:
            attempts.append(attempt)

        stage = Stage(world, Window(_nothing()), (part,), told)
        if part.folds:
            async with aclosing(bus.follow.batches(after=0, until=head)) as batches:
                async for batch in batches:
                    stage.skip(batch)
        return cls(bus, part, stage, attempts)

    async def would(self, event: Recorded[Event]) -> tuple[str, ...]:
        """Return what handling this event now would do, in order; nothing for nothing."""
        self._attempts.clear()
        await self._stage.consider(self._part.name, event)
        [attempt] = self._attempts
        facts = [await self._fact(draft) for draft, _ in attempt.made]
        effects = [effect for effect in attempt.effects if not effect.startswith("store ")]
        told = [*filter(None, facts), *effects]
        if trouble := attempt.failed or attempt.waits:
            told.append(f"fail or wait: {trouble}")
        return tuple(told)

    async def _fact(self, draft: Draft) -> str:
        """Return what would be recorded, "" for what the log has already under this id."""
        newest = await self._bus.log.last(draft.of, type(draft.fact))
        if newest is not None and newest.id == draft.id:
            return ""
        return f"record {tag_of(draft.fact).partition('/')[0]} of {draft.of.id}"


def _item(event: Recorded[Any], would: tuple[str, ...]) -> Item:
    return Item(
        seq=event.seq,
        event=event.id,
        type=tag_of(event.fact),
        project=event.name or event.of.project,
        would=would,
    )


async def _nothing() -> AsyncGenerator[list[Recorded[Event]], None]:
    """Yield no events: nothing lies ahead of now."""
    nothing: tuple[list[Recorded[Event]], ...] = ()
    for batch in nothing:
        yield batch
