"""The past: folds as they were at a sequence, folded on from the nearest state that is kept.

States stay in memory while they are asked for, and on disk at even distances, a few of them, so
that a long log is not read from its beginning each time. One folding at a time, shared by all who
want it, given up when the last of them has left.
"""

import asyncio
import shutil
from collections import OrderedDict
from collections.abc import Coroutine, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar, Final, TypeAlias

import structlog

from bus.fold import Fold, Source
from schemas.errors import Retry

log = structlog.get_logger(__name__)

State: TypeAlias = tuple[Fold[Any], ...]  # as they were asked for, never run again

APART: Final = 12_500  # events between two states on disk, doubled until there are few enough
STONES: Final = 8  # states on disk
REMEMBERED: Final = 8  # states in memory
ROWS: Final = 400_000  # in all of those together; rows that did not change are shared
WAITING: Final = 64  # moments that are being folded, or wait for it
WITHIN: Final = 30.0  # seconds for one answer; what was folded until then is kept


class PastBusy(Retry):
    """Too many moments are asked for at once, or one takes too long."""

    code = "past_busy"
    status: ClassVar = 503


class Past:
    """These folds, at any sequence; shared between tasks."""

    def __init__(self, folds: Sequence[Fold[Any]], source: Source, folder: Path | None) -> None:
        """Fold from ``source``; ``folder`` holds the states on disk, if given."""
        self._folds = tuple(folds)
        self._source = source
        self._folder = folder
        self._states: OrderedDict[int, State] = OrderedDict()
        self._foldings: dict[int, _Folding] = {}
        self._one = asyncio.Lock()

    async def at(self, seq: int) -> State:
        """Return the folds as they were once ``seq`` was folded; PastBusy for too much at once.

        ``seq`` is one that the log has: this would wait for one that it has not.
        """
        if (known := self._states.get(seq)) is not None:
            self._states.move_to_end(seq)
            return known
        folding = self._joined(seq)
        try:
            async with asyncio.timeout(WITHIN):
                return await asyncio.shield(folding.task)
        except TimeoutError as error:
            raise PastBusy(
                f"the state at {seq} takes longer than {WITHIN:.0f} s", hint="ask for it again"
            ) from error
        finally:
            folding.callers -= 1
            if not folding.callers:
                folding.task.cancel()  # harmless for one that is done
                if self._foldings.get(seq) is folding:
                    del self._foldings[seq]

    def _joined(self, seq: int) -> "_Folding":
        folding = self._foldings.get(seq)
        if folding is None:
            if len(self._foldings) >= WAITING:
                raise PastBusy(
                    f"{WAITING} moments of the past are being folded", hint="ask again in a second"
                )
            folding = self._foldings[seq] = _Folding(self._fold(seq))
        folding.callers += 1
        return folding

    async def _fold(self, seq: int) -> State:
        async with self._one:
            state, apart = await self._nearest(seq), distance(seq)
            identity = await self._source.identity()
            for fold in state:
                fold.belong_to(identity)
            for stop in (*range((state[0].seq // apart + 1) * apart, seq, apart), seq):
                await self._onward(state, stop)
                if stop % apart == 0:
                    await asyncio.to_thread(self._keep, state, apart)
            self._remember(seq, state)
            return state

    async def _onward(self, state: State, seq: int) -> None:
        """Fold all of them up to a sequence, in one reading of the log."""
        if (after := state[0].seq) >= seq:
            return
        async with aclosing(self._source.batches(after=after, until=seq)) as batches:
            async for batch in batches:
                for fold in state:
                    fold.apply(batch)

    async def _nearest(self, seq: int) -> State:
        """Return a state of one's own to go on from."""
        if all(fold.seq == seq for fold in self._folds):
            return forked(self._folds)
        known = max((each for each in self._states if each <= seq), default=0)
        for stone in sorted(self._stones(), reverse=True):
            if known < stone <= seq:
                state = await asyncio.to_thread(self._loaded, stone)
                if all(fold.seq == stone for fold in state):
                    return state
        return forked(self._states[known]) if known else tuple(each.fresh() for each in self._folds)

    def _remember(self, seq: int, state: State) -> None:
        self._states[seq] = state
        while len(self._states) > 1 and (
            len(self._states) > REMEMBERED or sum(map(_rows, self._states.values())) > ROWS
        ):
            self._states.popitem(last=False)

    def _stones(self) -> list[int]:
        """Return the sequences of the states on disk."""
        if self._folder is None or not self._folder.is_dir():
            return []
        return [int(path.name) for path in self._folder.iterdir() if path.name.isdecimal()]

    def _place(self, stone: int) -> Path | None:
        return None if self._folder is None else self._folder / str(stone)

    def _loaded(self, stone: int) -> State:
        """Return the state that was kept; what is damaged or of another release is empty."""
        state = tuple(fold.fresh(self._place(stone)) for fold in self._folds)
        for fold in state:
            fold.load()
        return forked(state)

    def _keep(self, state: State, apart: int) -> None:
        """Write a state to disk, take away those that stand too close."""
        stone = state[0].seq
        if (place := self._place(stone)) is None:
            return
        try:
            for fold in state:
                fold.write(place)
            for old in self._stones():
                if old % apart:
                    shutil.rmtree(place.with_name(str(old)))
        except OSError as error:
            log.warning("past_not_kept", seq=stone, error=str(error))


class _Folding:
    """One moment that is being folded, and how many wait for it."""

    def __init__(self, folding: Coroutine[Any, Any, State]) -> None:
        self.callers = 0
        self.task = asyncio.create_task(folding, name="past")
        self.task.add_done_callback(_seen)


def distance(seq: int) -> int:
    """Return how far apart the states on disk stand up to ``seq``: so that there are few."""
    apart = APART
    while seq // apart > STONES:
        apart *= 2
    return apart


def forked(state: Sequence[Fold[Any]]) -> State:
    """Return folds that are as true, and go their own way."""
    return tuple(fold.fork() for fold in state)


def _rows(state: State) -> int:
    return sum(len(fold.rows) for fold in state)


def _seen(task: "asyncio.Task[State]") -> None:
    """Look at an error that nobody waits for any more."""
    if not task.cancelled():
        task.exception()
