"""A decision: what a consumer made of one event, when it happened and now."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from bus.log import Draft
from schemas.envelope import Aggregate, Delivery, Recorded
from schemas.events import Event
from schemas.events.run import RunDelayed
from schemas.ids import tag_of

NOT_COMPARED: Final = (RunDelayed,)  # the bus writes it for a consumer, by how long it waited

Outcome = Literal["equal", "differs", "unknown"]


class NotRecorded(Exception):
    """What is needed to decide is not in history; nobody is asked for it."""


class DecidedOtherwise(Exception):
    """Something else was recorded, and there is a later moment at which it may be decided."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One fact in which now and then are not equal."""

    change: Literal["missing", "additional", "different"]
    type: str  # ce-type
    of: Aggregate
    seq: int = 0  # of the recorded fact
    then: dict[str, Any] | None = None
    now: dict[str, Any] | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """How a decision compares with the recorded one."""

    outcome: Outcome
    changes: tuple[Change, ...] = ()
    reason: str = ""  # of what is unknown, or failed


@dataclass(frozen=True, slots=True)
class Decision:
    """One event that one consumer has handled, and what it has recorded because of it."""

    consumer: str
    event: Recorded[Any] | Delivery
    recorded: tuple[Recorded[Event], ...]
    handled: bool = True  # False: perhaps nobody has handled it yet

    @property
    def before(self) -> int:
        """Return the sequence before the first of its facts, 0 when there are none."""
        return self.recorded[0].seq - 1 if self.recorded else 0


@dataclass(slots=True)
class Attempt:
    """What came of handling the event now."""

    made: list[tuple[Draft, Recorded[Event] | None]] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)  # what would have been done to the world
    unknown: str = ""  # what was needed and is not recorded
    waits: str = ""  # the handler asked to be called again later
    failed: str = ""  # it raised what it should not


def equal(draft: Draft, found: Recorded[Event] | None) -> bool:
    """Tell whether what is made now is what was recorded."""
    return found is not None and (found.fact, found.of) == (draft.fact, draft.of)


def judge(decision: Decision, attempt: Attempt) -> Verdict:
    """Return how what was made now compares with what was recorded then."""
    changes = tuple(_changes(decision, attempt))
    if attempt.failed:
        return Verdict(outcome="differs", changes=changes, reason=attempt.failed)
    surplus = [change for change in changes if change.change != "missing"]
    if attempt.unknown:
        # What would have come after is not known; what came before is.
        certain = bool(surplus) and decision.handled
        outcome: Outcome = "differs" if certain else "unknown"
        return Verdict(outcome=outcome, changes=tuple(surplus), reason=attempt.unknown)
    if not changes and attempt.waits and not decision.recorded:
        return Verdict(outcome="unknown", reason=f"it would wait: {attempt.waits}")
    if not changes:
        return Verdict(outcome="equal")
    if not decision.handled:
        return Verdict(outcome="unknown", reason="it was not handled yet")
    return Verdict(outcome="differs", changes=changes, reason=attempt.waits)


def _changes(decision: Decision, attempt: Attempt) -> list[Change]:
    made = {draft.id: (draft, found) for draft, found in attempt.made}
    missing = [
        Change(
            change="missing",
            type=tag_of(fact.fact),
            of=fact.of,
            seq=fact.seq,
            then=_body(fact.fact),
        )
        for fact in decision.recorded
        if fact.id not in made
    ]
    return [*missing, *(change for pair in made.values() for change in _changed(*pair))]


def _changed(draft: Draft, found: Recorded[Event] | None) -> list[Change]:
    tag, now = tag_of(draft.fact), _body(draft.fact)
    if found is None:
        return [Change(change="additional", type=tag, of=draft.of, now=now)]
    if equal(draft, found):
        return []
    return [
        Change(
            change="different",
            type=tag,
            of=draft.of,
            seq=found.seq,
            then=_body(found.fact),
            now=now,
        )
    ]


def _body(fact: Event) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(fact)
    body.pop("type", None)
    return body


Told = Callable[[Decision, Attempt, Verdict], None]
