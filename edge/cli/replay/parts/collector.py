"""Collector: what is announced and removed; whether a project is gone is what its forge said."""

from dataclasses import dataclass
from datetime import timedelta

from consumers.collector.consumer import Collector, Folds
from consumers.collector.decide import GRACE
from consumers.collector.evidence import Answer
from edge.cli.replay.decisions import NotRecorded
from edge.cli.replay.parts.part import Part, Scene
from schemas.envelope import Delivery, Recorded
from schemas.events import Event
from schemas.events.collection import CollectionCancelled, CollectionPlanned
from schemas.events.function import FunctionRemoved
from schemas.events.secret import SecretRemoved
from schemas.events.timer import TimerFired


@dataclass(frozen=True, slots=True)
class RecordedEvidence:
    """Answers what the forge answered then."""

    scene: Scene

    async def stands(self, forge: str, project: str, name: str) -> Answer:  # noqa: ARG002
        """Return what the recorded facts tell of its answer; NotRecorded where there are none."""
        match self.scene.recorded(FunctionRemoved, SecretRemoved, CollectionCancelled):
            case FunctionRemoved() | SecretRemoved():
                return "no"
            case CollectionCancelled():
                return "yes"
            case _:
                raise NotRecorded(f"whether {forge} still has {name}")


@dataclass(frozen=True, slots=True)
class RecordedCollector(Collector):
    """Does not decide again what a sweep has decided, which came before the event was handled."""

    swept: bool = False

    async def handle(self, event: Recorded[Event]) -> None:
        """Handle an event; NotRecorded where a sweep did, by a clock that nobody wrote down."""
        if self.swept:
            raise NotRecorded("when a sweep looked at this project")
        await Collector.handle(self, event)


def _swept(scene: Scene) -> bool:
    """Tell whether removals were announced and done at once, though due later than the event."""
    event, facts = scene.decision.event, [one.fact for one in scene.decision.recorded]
    if isinstance(event, Delivery) or isinstance(event.fact, TimerFired):
        return False
    if scene.recorded(FunctionRemoved) is None:
        return False
    return any(isinstance(fact, CollectionPlanned) and fact.due > event.time for fact in facts)


def _grace(scene: Scene) -> timedelta:
    """Return the grace time that held then: a preview has none, so the longest counts."""
    event = scene.decision.event
    facts = (one.fact for one in scene.decision.recorded)
    dues = [fact.due for fact in facts if isinstance(fact, CollectionPlanned)]
    return max((due - event.time for due in dues), default=GRACE)


def collector_part() -> Part:
    """Return the collector, in front of the recorded answers of forges."""
    folds = Folds.kept()
    return Part(
        Collector,
        "what is announced, kept and removed; the grace time, and what a forge says of a project, "
        "are the recorded ones",
        lambda scene: RecordedCollector(
            scene.log, folds, RecordedEvidence(scene), _grace(scene), swept=_swept(scene)
        ),
        folds.all(),
    )
