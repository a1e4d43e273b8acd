"""Intake and planner: they ask nobody but the log, so that all they do is compared."""

from consumers.forges import customers
from consumers.forges.meaning import Meaning
from consumers.intake import consumer as intake
from consumers.intake.admission import CustomersUnread
from consumers.intake.consumer import Intake
from consumers.planner.consumer import Planner
from consumers.planner.folds import Folds
from edge.cli.replay.decisions import NotRecorded
from edge.cli.replay.parts.part import Part
from schemas.envelope import Delivery


class RecordedIntake(Intake):
    """Intake, in front of a history from before there was a list of customers, too."""

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
        lambda scene: RecordedIntake(scene.log, fold, listed),
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
