"""Which part of history is gone through again: a run, a range, a project since some time."""

import re
from typing import Final

import msgspec

from bus.connection import Bus
from edge.cli.state.reading import sequence
from schemas import subjects
from schemas.envelope import Recorded
from schemas.errors import PushlineError
from schemas.events import Event
from schemas.events.run import RunQueued

RANGE: Final = re.compile(r"([1-9]\d*)\.\.([1-9]\d*)?")
RUN: Final = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")


class RangeInvalid(PushlineError):
    """What is to be replayed is written in another way, or is not there."""

    code = "range_invalid"


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Events with ``after < seq <= until``, of one project or run where one is named."""

    after: int
    until: int
    project: str = ""  # its name or the forge's id
    run: str = ""
    push: int = 0  # the sequence of the push that led to the run

    @property
    def first(self) -> int:
        """Return the sequence of the first event."""
        return self.after + 1

    def wants(self, event: Recorded[Event]) -> bool:
        """Tell whether an event in the range belongs to it."""
        if self.run:
            return self.run in (event.run, event.of.id) or event.seq == self.push
        return not self.project or self.project in (event.name, event.of.project)


async def select(bus: Bus, what: str, project: str, since: str) -> Selection:
    """Return what is meant by RUN or A..B, and by --project and --since; RangeInvalid, if nothing.

    Without any of them it is all of history.
    """
    head = await bus.log.head()
    if not head:
        raise RangeInvalid("the log is empty", hint="push something first")
    if what and since:
        raise RangeInvalid(f"{what} and --since say two things", hint="leave one of them out")
    if RUN.fullmatch(what.upper()):
        return await _of_run(bus, what.upper(), head)
    if what:
        after, until = _written(what, head)
    else:
        after, until = (await sequence(bus, since) if since else 0), head
        if after >= until:
            raise RangeInvalid(f"nothing has happened since {since}", hint="go further back")
    return Selection(after=after, until=until, project=project)


def _written(what: str, head: int) -> tuple[int, int]:
    if (match := RANGE.fullmatch(what)) is None:
        hint = "name a run by its id, or a range of sequences as 100..200 or 100.."
        raise RangeInvalid(f"{what!r} is neither a run nor a range", hint=hint)
    first, last = int(match[1]), int(match[2] or head)
    if last > head or first > last:
        raise RangeInvalid(f"{what} is not in the log", hint=f"its last event is {head}")
    return first - 1, last


async def _of_run(bus: Bus, run: str, head: int) -> Selection:
    """Return the events from a run's push to its last fact."""
    filter, first, last, push = f"ev.*.*.run.{subjects.encode(run)}.>", 0, 0, 0
    async for event in bus.follow.events(after=0, until=head, filter=filter):
        first, last = first or event.seq, event.seq
        if isinstance(event.fact, RunQueued):
            push = event.fact.push
    if not first:
        hint = "`pushline run ls` shows the newest runs"
        raise RangeInvalid(f"there is no run {run}", hint=hint)
    return Selection(after=(push or first) - 1, until=last, run=run, push=push)
