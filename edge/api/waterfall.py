"""The waterfall of a run: which step took how long, and what of it was waiting.

Every time is when the log took a fact, so that the steps of one function leave no hole between
them. ``own_ms`` is what the run took less what was not ours: the package installer or engine, and
the function's own start. Where two of those overlap, their time is taken off once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

import msgspec

from edge.api.runs import Part, Run
from schemas.ids import time_of

State: TypeAlias = Literal["done", "running", "stopped", "failed", "cached"]


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One bar: waiting first, then working; milliseconds from the push."""

    name: str  # plan, source, build, deploy, finish
    function: str = ""
    start_ms: int
    waiting_ms: int
    working_ms: int
    outside_ms: int = 0  # of working: installer, engine, the function's own start
    state: State = "done"


class Waterfall(msgspec.Struct, frozen=True, kw_only=True):
    """All bars of a run."""

    start: datetime  # when the log took the push
    total_ms: int
    own_ms: int
    steps: tuple[Step, ...]


def pushed(run: Run) -> datetime:
    """Return when the log took the push: a run's id is a ULID of that very millisecond.

    Never later than ``run.queued``, whatever clock made the id.
    """
    return min(time_of(run.id) or run.queued, run.queued)


def waterfall(run: Run, now: datetime) -> Waterfall:
    """Return the bars of a run; what has not ended yet lasts until ``now``."""
    start, end = pushed(run), run.ended or now
    total = _ms(end - start)
    return Waterfall(
        start=start,
        total_ms=total,
        own_ms=total - _covered(start, end, _outside(run)),
        steps=tuple(_Bars(start, end, over=run.ended is not None).of(run)),
    )


@dataclass(frozen=True, slots=True)
class _Bars:
    """Draws the bars of one run."""

    start: datetime
    end: datetime
    over: bool  # the run has ended: what has not ended by itself was stopped

    def of(self, run: Run) -> Iterator[Step]:
        yield self.bar("plan", self.start, self.start, run.queued)
        failed = run.outcome == "rejected"
        yield self.bar(
            "source", run.queued, run.queued, self.end if failed else run.resolved, failed=failed
        )
        for part in run.parts.values():
            if part.archived:
                yield self.build(part, part.archived)
            if part.built:
                yield self.deploy(part, part.built)
        last = _last(run)
        if last and run.ended and run.ended > last:
            yield self.bar("finish", last, last, run.ended)

    def build(self, part: Part, archived: datetime) -> Step:
        """Return the bar of an archive that waits for a builder's place, then is built."""
        instant = archived if part.cached else part.built or part.failed
        failed = part.failed is not None and part.built is None
        step = self.bar(
            "build",
            archived,
            part.build_started or instant,
            part.failed if failed else part.built,
            failed=failed,
        )
        state = "cached" if part.cached else step.state
        return msgspec.structs.replace(
            step, function=part.function, state=state, outside_ms=part.tool_ms
        )

    def deploy(self, part: Part, built: datetime) -> Step:
        """Return the bar of an image that waits for the deployer, then for its readiness."""
        ended = part.deployed or part.failed
        step = self.bar(
            "deploy",
            built,
            part.deploy_started or ended,
            ended,
            failed=part.failed is not None and part.deployed is None,
        )
        return msgspec.structs.replace(step, function=part.function, outside_ms=part.start_ms)

    def bar(
        self,
        name: str,
        entered: datetime,
        began: datetime | None,
        ended: datetime | None,
        *,
        failed: bool = False,
    ) -> Step:
        """Return a bar that waits from ``entered`` to ``began`` and works until ``ended``."""
        begin, finish = began or self.end, ended or self.end
        state: State = "done" if ended else "stopped" if self.over else "running"
        return Step(
            name=name,
            start_ms=_ms(entered - self.start),
            waiting_ms=_ms(begin - entered),
            working_ms=_ms(finish - begin),
            state="failed" if failed else state,
        )


def _last(run: Run) -> datetime | None:
    """Return when the last function came to an end, or the source when there is none."""
    ends = [part.deployed or part.failed for part in run.parts.values()]
    if not ends:
        return run.resolved
    return max((end for end in ends if end), default=None) if all(ends) else None


def _outside(run: Run) -> Iterator[tuple[datetime, datetime]]:
    """Yield when something worked that is not ours; a fact follows the end of its work."""
    for part in run.parts.values():
        if part.built:
            yield part.built - timedelta(milliseconds=part.tool_ms), part.built
        if part.deployed:
            yield part.deployed - timedelta(milliseconds=part.start_ms), part.deployed


def _covered(start: datetime, end: datetime, spans: Iterable[tuple[datetime, datetime]]) -> int:
    """Return the milliseconds between start and end that at least one of the spans covers."""
    total, reached = timedelta(), start
    for begin, finish in sorted(spans):
        total += max(timedelta(), min(finish, end) - max(begin, reached))
        reached = max(reached, finish)
    return _ms(total)


def _ms(span: timedelta) -> int:
    return max(0, round(span / timedelta(milliseconds=1)))
