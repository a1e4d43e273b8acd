"""The stage: history goes by, and each consumer decides again when it decided then.

A consumer decides somewhere between the event and what it has recorded because of it. It begins
when the event is there and what it wrote for events of the same key is, as in life; what it appends
waits until the moment at which it was recorded, and is refused there if a guard has moved. Where
that does not lead to what was recorded, it is tried once more at the last moment at which it could
have been decided: what it read may have been read late.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from bus.blobs import Blobs
from bus.fold import Fold
from edge.cli.replay.decisions import Attempt, Decision, Told, Verdict, judge
from edge.cli.replay.history import History
from edge.cli.replay.parts.part import Part, Scene
from edge.cli.replay.playing import Playing
from edge.cli.replay.recorded import Read, RecordedBlobs, RecordedFollow, RecordedLog
from edge.cli.replay.window import Window
from schemas.envelope import Aggregate, Delivery, Recorded
from schemas.events import Event
from schemas.events.delivery import DeliveryIgnored, DeliveryResent, DeliveryTranslated

INTAKE: Final = "intake"  # it reads deliveries: what it has recorded leads to them
BEYOND: Final = 1000  # events after the range, in which may stand why nothing was decided
REMEMBERED: Final = 5000  # deliveries whose facts may still come

Key: TypeAlias = tuple[str, str]  # consumer, key
Wanted: TypeAlias = Callable[[Recorded[Event]], bool]
Gate: TypeAlias = Callable[[Recorded[Event]], Awaitable[bool]]


class World:
    """What a replay may ask: it reads, and nothing else."""

    def __init__(
        self,
        *,
        history: History,
        blobs: Blobs,
        event: Callable[[int], Awaitable[Recorded[Event]]],
        delivery: Callable[[str, str], Awaitable[Delivery | None]],
    ) -> None:
        """Ask these."""
        self.history = history
        self.read = Read(blobs)
        self.event = event
        self.delivery = delivery


class Stage:
    """One replay; ``told`` hears of each decision."""

    def __init__(
        self,
        world: World,
        window: Window,
        parts: Sequence[Part],
        told: Told,
        *,
        floors: Mapping[str, int] | None = None,
        folds: Sequence[Fold[Any]] = (),
    ) -> None:
        """Play ``parts``.

        ``floors``: the last sequence that a consumer has surely handled. ``folds`` go along, for
        whoever wants to look into them.
        """
        self.history = world.history
        self.window = window
        self.event = world.event
        self.events = 0  # that were asked for
        self._world = world
        self._parts = {part.name: part for part in parts}
        self._folds = [*folds, *(fold for part in parts for fold in part.folds)]
        for fold in self._folds:
            fold.apply([])  # true at 0, before anything has passed
        self._told = told
        self._floors = floors or {}
        self._due: dict[int, list[Playing]] = {}  # by the moment that it waits for
        self._free: dict[Key, int] = {}  # the last fact that was written for a key
        self._open: dict[Key, list[Playing]] = {}  # to be tried once more
        self._delivered: OrderedDict[str, None] = OrderedDict()  # causes of what intake wrote

    def skip(self, batch: Sequence[Recorded[Event]]) -> None:
        """Let history before the range go by."""
        for event in batch:
            self.history.skip(event)
        for fold in self._folds:
            fold.apply(list(batch))

    async def play(self, until: int, wanted: Wanted, gate: Gate | None = None) -> bool:
        """Go on to ``until``, and to the end of what was decided on before it.

        ``gate`` is asked before each event that is wanted; where it says no the replay ends, and
        False is returned.
        """
        whole = True
        while (event := await self.window.peek()) is not None:
            waiting = self._due or (self._open and event.seq <= until + BEYOND)
            if event.seq > until and not waiting:
                break
            ours = event.seq <= until and wanted(event)
            if ours:
                if gate is not None and not await gate(event):
                    whole = False
                    break
                self.events += 1
                await self._deliver(event)
            await self._pass(self.window.take())
            if ours:
                await self._decide(event)
        await self._end()
        return whole

    async def consider(self, consumer: str, event: Recorded[Event]) -> None:
        """Have a consumer decide on an event at this moment, whatever came of it before."""
        await self._go_on(self._made(Decision(consumer, event, ()), last=True))

    def at(self, seq: int, playing: Playing) -> None:
        """Have ``playing`` go on once ``seq`` is reached."""
        self._due.setdefault(seq, []).append(playing)

    async def _pass(self, event: Recorded[Event]) -> None:
        """Let one event be a part of history; those who waited for it go on."""
        self.history.add(event)
        for fold in self._folds:
            fold.apply([event])
        for playing in self._due.pop(event.seq, ()):
            await self._go_on(playing)

    async def _go_on(self, playing: Playing) -> None:
        await playing.go_on()
        if playing.ended:
            await self._judge(playing)

    async def _decide(self, event: Recorded[Event]) -> None:
        """Have each consumer decide that reads such an event."""
        for part in self._parts.values():
            if isinstance(event.fact, part.reads):
                await self._begin(part, event, event.id, event.seq)

    async def _deliver(self, event: Recorded[Event]) -> None:
        """Have intake take the delivery that this fact comes of, before the fact is there."""
        part, cause = self._parts.get(INTAKE), event.cause
        if part is None or cause in self._delivered or not event.id.startswith(f"intake:{cause}:"):
            return
        self._delivered[cause] = None
        if len(self._delivered) > REMEMBERED:
            self._delivered.popitem(last=False)
        forge, _, id = cause.partition(":")
        own = Aggregate(forge, "", "delivery", id)
        if await self.history.last(own, (DeliveryTranslated, DeliveryIgnored)) is not None:
            return  # what a resend has added
        delivery = await self._world.delivery(forge, id)
        if delivery is not None:
            await self._begin(part, delivery, cause, self.history.now)
        elif not isinstance(event.fact, DeliveryResent):
            decision = Decision(part.name, event, self.window.written(part.name, cause))
            gone = Verdict(outcome="unknown", reason=f"delivery {cause} is no longer kept")
            self._told(decision, Attempt(), gone)

    async def _begin(
        self, part: Part, event: Recorded[Any] | Delivery, cause: str, seq: int
    ) -> None:
        """Try a decision when the consumer may have decided: after those of the same key."""
        recorded = self.window.written(part.name, cause)
        handled = isinstance(event, Delivery) or seq <= self._floors.get(part.name, seq)
        decision = Decision(part.name, event, recorded, handled)
        playing = self._made(decision)
        key = part.name, playing.key
        moment = max(seq, self._free.get(key, 0))
        if recorded:
            moment = moment if moment <= decision.before else seq
            self._free[key] = max(recorded[-1].seq, self._free.get(key, 0))
            for first in self._open.pop(key, ()):
                await self._try(self._again(first), decision.before)
        await self._try(playing, moment)

    def _made(self, decision: Decision, *, last: bool = False) -> Playing:
        playing = Playing(self, decision, last=last)
        scene = Scene(
            decision,
            RecordedLog(playing),
            RecordedFollow(playing),
            RecordedBlobs(self._world.read, playing),
            playing.attempt.effects,
        )
        playing.worker = self._parts[decision.consumer].make(scene)
        return playing

    def _again(self, first: Playing) -> Playing:
        """Return the same decision, to be tried for the last time."""
        playing = self._made(first.decision, last=True)
        playing.first = first.attempt
        return playing

    async def _try(self, playing: Playing, moment: int) -> None:
        """Run the handler at ``moment``, which is now or later."""
        if moment > self.history.now:
            self.at(moment, playing)
        else:
            await self._go_on(playing)

    async def _judge(self, playing: Playing) -> None:
        """Tell what came of it, or try once more at the last possible moment."""
        decision = playing.decision
        verdict = judge(decision, playing.attempt)
        if verdict.outcome != "equal" and not playing.last:
            if not decision.recorded:
                self._open.setdefault((decision.consumer, playing.key), []).append(playing)
                return
            if playing.may_try_again:
                await self._try(self._again(playing), decision.before)
                return
        only_missing = all(change.change == "missing" for change in verdict.changes)
        if verdict.changes and only_missing and (moment := playing.comes_again) is not None:
            second = self._again(playing)
            second.attempt.made += playing.attempt.made
            second.attempt.effects += playing.attempt.effects
            await self._try(second, moment)
            return
        self._tell(playing, verdict)

    def _tell(self, playing: Playing, verdict: Verdict) -> None:
        """Tell what came of it: of two attempts, the one that is nearer to what was recorded."""
        attempt = playing.attempt
        if verdict.outcome != "equal" and playing.first is not None:
            first = judge(playing.decision, playing.first)
            if first.outcome == verdict.outcome and len(first.changes) < len(verdict.changes):
                attempt, verdict = playing.first, first
        self._told(playing.decision, attempt, verdict)

    async def _end(self) -> None:
        """Stop what waits for more history; try what is open for the last time."""
        for playing in [one for due in self._due.values() for one in due]:
            await playing.stop()
            self._tell(playing, judge(playing.decision, playing.attempt))
        self._due.clear()
        waiting = [first for some in self._open.values() for first in some]
        self._open.clear()
        for first in waiting:
            await self._go_on(self._again(first))
