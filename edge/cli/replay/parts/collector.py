"""Collector: what is announced and removed; whether a project is gone is what its forge said."""

from dataclasses import dataclass

from consumers.collector.consumer import Collector, Folds
from consumers.collector.evidence import Answer
from edge.cli.replay.decisions import NotRecorded
from edge.cli.replay.parts.part import Part, Scene
from schemas.events.collection import CollectionCancelled
from schemas.events.function import FunctionRemoved
from schemas.events.secret import SecretRemoved


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


def collector_part() -> Part:
    """Return the collector, in front of the recorded answers of forges."""
    folds = Folds.kept()
    return Part(
        Collector,
        "what is announced, kept and removed; what a forge says of a project is the recorded "
        "answer",
        lambda scene: Collector(scene.log, folds, RecordedEvidence(scene)),
        folds.all(),
    )
