"""A part: one consumer as a replay runs it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from bus.fold import Fold
from bus.work import Worker
from edge.cli.replay.decisions import Decision
from edge.cli.replay.recorded import RecordedBlobs, RecordedFollow, RecordedLog
from schemas.envelope import Delivery
from schemas.events import Event

F = TypeVar("F", bound=Event)


@dataclass(frozen=True, slots=True)
class Scene:
    """What a consumer is made of, for one decision."""

    decision: Decision
    log: RecordedLog
    follow: RecordedFollow
    blobs: RecordedBlobs
    effects: list[str]

    def recorded(self, *facts: type[F]) -> F | None:
        """Return the first of these facts that the consumer has recorded because of the event."""
        found = (fact.fact for fact in self.decision.recorded if isinstance(fact.fact, facts))
        return next(found, None)


@dataclass(frozen=True, slots=True)
class Part:
    """One consumer."""

    worker: type[Worker]
    compares: str  # for people: what is compared, and what stands for the world
    make: Callable[[Scene], Worker]
    folds: tuple[Fold[Any], ...] = ()  # that it decides by

    @property
    def name(self) -> str:
        """Return the consumer's name."""
        return self.worker.durable

    @property
    def reads(self) -> tuple[type[Any], ...]:
        """Return the facts it acts on; none for one that reads deliveries."""
        reads = self.worker.reads
        found: tuple[type[Any], ...] = reads if isinstance(reads, tuple) else (reads,)
        return tuple(fact for fact in found if fact is not Delivery)
