"""A replay from its first event to its last: what is read where, and how fast it goes."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, TypeAlias

from bus.asof import latest
from bus.connection import Bus
from bus.durables import live
from bus.fold import Fold
from bus.log import EVENTS
from edge.cli.replay.decisions import Told
from edge.cli.replay.history import History
from edge.cli.replay.parts.part import Part
from edge.cli.replay.selection import Selection
from edge.cli.replay.stage import Gate, Stage, World
from edge.cli.replay.window import Window
from schemas.envelope import Recorded
from schemas.events import Event

Batches: TypeAlias = AsyncGenerator[list[Recorded[Event]], None]


class Replay:
    """One replay over a log; ``seq`` tells how far it is."""

    def __init__(self, bus: Bus, selection: Selection, parts: Sequence[Part], told: Told) -> None:
        """Prepare; nothing is read yet."""
        self.bus = bus
        self.selection = selection
        self.parts = parts
        self.told = told
        self.events = 0
        self.seq = 0

    async def run(
        self,
        batches: Batches | None = None,
        *,
        gate: Gate | None = None,
        folds: Sequence[Fold[Any]] = (),
    ) -> bool:
        """Go through the selection, read from ``batches`` or from the log itself.

        What was before it is folded first, where a consumer decides by folds.
        False when the ``gate`` ended it.
        """
        bus, selection = self.bus, self.selection
        folded = bool(folds) or any(part.folds for part in self.parts)
        history = History(partial(latest, bus.js), 0 if folded else selection.after)
        world = World(
            history=history, blobs=bus.blobs, event=bus.log.get, delivery=bus.deliveries.find
        )
        source = batches or bus.follow.batches(after=selection.after, until=await bus.log.head())
        window = Window(source)
        floors = await self._floors()
        stage = Stage(world, window, self.parts, self.told, floors=floors, folds=folds)
        if folded and selection.after:
            async with aclosing(bus.follow.batches(after=0, until=selection.after)) as before:
                async for batch in before:
                    stage.skip(batch)
                    self.seq = history.now

        def wants(event: Recorded[Event]) -> bool:
            self.seq, self.events = event.seq, stage.events
            return selection.wants(event)

        try:
            return await stage.play(selection.until, wants, gate)
        finally:
            self.events = stage.events
            await window.close()

    async def _floors(self) -> Mapping[str, int]:
        """Return up to which event each consumer has handled all of its own."""
        found = {part.name: await live(self.bus.js, part.worker) for part in self.parts}
        return {
            name: int(info["ack_floor"]["stream_seq"])
            for name, info in found.items()
            if info is not None and info["stream_name"] == EVENTS
        }
