"""Intake and planner: they ask nobody but the log, so that all they do is compared."""

from dataclasses import dataclass

from msgspec.structs import replace

from consumers.forges import customers
from consumers.forges.meaning import Ignored, Meaning, Pressed, Statement
from consumers.intake import consumer as intake
from consumers.intake.admission import CustomersUnread
from consumers.intake.consumer import Intake
from consumers.intake.installed import UNTAGGED, concerned
from consumers.intake.renamed import UNCONFIRMED
from consumers.planner.consumer import Planner
from consumers.planner.folds import Folds
from edge.cli.replay.decisions import NotRecorded
from edge.cli.replay.parts.part import Part, Scene
from schemas.envelope import Delivery
from schemas.events.delivery import DeliveryIgnored
from schemas.events.project import (
    ProjectInstalled,
    ProjectRemoved,
    ProjectRenamed,
    ProjectUpdated,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedIntake(Intake):
    """Intake, in front of a history from before there was a list of customers, too.

    What a forge said when it was asked whether a project is installed, or who may press a button,
    is as recorded.
    """

    scene: Scene

    async def asked(self, forge: str, meaning: Meaning) -> Meaning:  # noqa: ARG002 - it is recorded
        """Return what came of the forge's answer then."""
        if isinstance(meaning.says, Pressed):
            return replace(meaning, says=self._came_of_it())
        project, _ = concerned(meaning)
        if project is None:
            return self._renamed(meaning)
        meaning = self._in_its_words(meaning)
        stated = {type(one.fact) for one in meaning.says} if isinstance(meaning.says, tuple) else ()
        match self.scene.recorded(DeliveryIgnored, ProjectInstalled, ProjectRemoved):
            case DeliveryIgnored(reason=reason) if reason.startswith(UNTAGGED):
                return Meaning(meaning.kind, Ignored(reason), meaning.actor)
            case ProjectInstalled() | ProjectRemoved() as fact if type(fact) not in stated:
                return replace(meaning, also=(Statement(project, fact),))
            case _:
                return meaning

    def _in_its_words(self, meaning: Meaning) -> Meaning:
        """Return what is told of a project as its forge told it then."""
        match meaning.says:
            case (Statement(fact=ProjectRenamed() | ProjectUpdated()) as said,):
                then = self.scene.recorded(type(said.fact))
                return replace(meaning, says=(replace(said, fact=then or said.fact),))
            case _:
                return meaning

    def _renamed(self, meaning: Meaning) -> Meaning:
        """Return a meaning; of a rename that the forge did not confirm then, nothing."""
        said = self.scene.recorded(DeliveryIgnored)
        if said is None or not said.reason.startswith(UNCONFIRMED):
            return meaning
        return Meaning(meaning.kind, Ignored(said.reason), meaning.actor)

    def _came_of_it(self) -> Ignored | tuple[Statement, ...]:
        """Return what a button came to then; NotRecorded while it has come to nothing."""
        if said := self.scene.recorded(DeliveryIgnored):
            return Ignored(said.reason)
        facts = [one for one in self.scene.decision.recorded if one.of.kind != "delivery"]
        if not facts:
            raise NotRecorded("what the forge says of who pressed the button")
        # a run's name is part of its fact's id, as ``presses`` has it
        return tuple(
            Statement(one.of, one.fact, (one.of.id,) if one.of.kind == "run" else (), one.name)
            for one in facts
        )

    async def meaning(self, delivery: Delivery) -> Meaning:
        """Return what a delivery means; NotRecorded while no list of customers was."""
        try:
            return await Intake.meaning(self, delivery)
        except CustomersUnread as error:
            raise NotRecorded(error.message) from error


def intake_part() -> Part:
    """Return intake, with the branches and the customers it decides by."""
    fold, listed = intake.fold(), customers.fold("intake-customers")
    return Part(
        Intake,
        "all facts of each stored delivery (a delivery is kept for 30 days)",
        lambda scene: RecordedIntake(scene.log, fold, listed, scene=scene),
        (fold, listed),
    )


def planner_part() -> Part:
    """Return the planner, with the folds it decides by."""
    folds = Folds.kept()
    return Part(
        Planner,
        "runs, their ends, labels and claims",
        lambda scene: Planner(scene.log, folds),
        folds.all(),
    )
