"""Intake in a replay: what GitHub said of a button then is read from what was recorded."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from consumers.forges.meaning import Ignored, Statement
from consumers.intake.consumer import fold, understand
from edge.cli.replay.decisions import Decision, NotRecorded
from edge.cli.replay.parts.deciders import RecordedIntake
from edge.cli.replay.parts.part import Scene
from schemas.envelope import Aggregate, Recorded
from schemas.events import Event
from schemas.events.delivery import DeliveryIgnored, DeliveryTranslated
from schemas.events.run import RunRerunRequested
from tests.consumers.forges.samples import account, delivery, github_repository
from tests.consumers.intake.listing import everybody

RUN = Aggregate("github", "1296269", "run", "01JD8Z6Q5V0000000000000000")
OWN = Aggregate("github", "", "delivery", "d-1")
BODY = {
    "action": "rerequested",
    "check_suite": {"id": 4},
    "repository": github_repository(),
    "sender": account("ada"),
    "installation": {"id": 957387},
}
PRESSED = delivery("github", "check_suite", BODY)


async def came_to(*facts: tuple[Event, Aggregate]) -> Any:
    """Return what the press means in front of these recorded facts; nobody can be asked."""
    now = datetime.now(UTC)
    recorded = tuple(
        Recorded(fact, of, f"e-{n}", n, now, name="Octo/Hello-World")
        for n, (fact, of) in enumerate(facts, 1)
    )
    nothing = cast("Any", None)
    scene = Scene(Decision("intake", PRESSED, recorded), nothing, nothing, nothing, [])
    intake = RecordedIntake(nothing, fold(), everybody(), scene=scene)
    return (await intake.asked("github", understand(PRESSED))).says


async def test_what_the_forge_said_is_as_recorded() -> None:
    """The runs that it named, or why nothing came of it."""
    asked, done = RunRerunRequested(), DeliveryTranslated("check_suite", 1)

    assert await came_to((asked, RUN), (done, OWN)) == (
        Statement(RUN, asked, (RUN.id,), "Octo/Hello-World"),
    )
    refused = DeliveryIgnored("check_suite", "none of the commit's checks tells of a run")
    assert await came_to((refused, OWN)) == Ignored(refused.reason)


async def test_what_it_has_not_said_is_unknown() -> None:
    """Nobody asks it in a replay."""
    with pytest.raises(NotRecorded):
        await came_to()
