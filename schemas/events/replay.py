"""Facts about replays: history gone through again, and what was handed to a consumer once more.

A replay's id is a ULID of its own; a plan's is derived from all that it would do.
"""

from typing import Literal

from schemas.events import Event


class ReplayStarted(Event, frozen=True, tag="replay.started/1"):
    """Recorded history goes through the code that is installed. Written by cli, read by audit."""

    how: Literal["dry", "private"]
    first: int  # sequence of the first event
    last: int
    consumers: tuple[str, ...]
    code: str  # version and digest of the code that decides
    project: str = ""  # owner/name; "": of all
    run: str = ""


class ReplayFinished(Event, frozen=True, tag="replay.finished/1"):
    """What the replay came to. Written by cli, read by audit."""

    outcome: Literal["equal", "differs", "stopped", "failed"]
    events: int = 0
    decisions: int = 0
    equal: int = 0
    different: int = 0
    unknown: int = 0  # what they were decided by is not recorded


class ReplayPlanned(Event, frozen=True, tag="replay.planned/1"):
    """Events that a consumer is to take again once somebody says so. Written by cli, read by it."""

    consumer: str
    seqs: tuple[int, ...]  # in EVENTS
    digest: str  # of what each of them would do at the time of the plan


class ReplayApplied(Event, frozen=True, tag="replay.applied/1"):
    """A consumer is to take one event of a plan again. Written by cli, read by that consumer.

    Nothing is published again: it takes the event that stands at ``seq``, as if delivered now.
    """

    consumer: str
    stream: str
    seq: int


class ReplayHandled(Event, frozen=True, tag="replay.handled/1"):
    """An event of a plan has been handled. Written by the bus for that consumer."""
