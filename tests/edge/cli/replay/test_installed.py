"""Intake in a replay: what GitLab said of a project then is read from what was recorded."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from consumers.forges.meaning import Ignored, Statement
from consumers.intake.consumer import fold, understand
from consumers.intake.installed import UNTAGGED
from edge.cli.replay.decisions import Decision
from edge.cli.replay.parts.deciders import RecordedIntake
from edge.cli.replay.parts.part import Scene
from schemas.envelope import Aggregate, Delivery, Recorded
from schemas.events import Event
from schemas.events.branch import BranchDeleted
from schemas.events.delivery import DeliveryIgnored, DeliveryTranslated
from schemas.events.project import ProjectInstalled, ProjectRemoved
from tests.consumers.forges.samples import ZERO, delivery, gitlab_push, gitlab_system
from tests.consumers.intake.listing import everybody

PUSH = delivery("gitlab", "Push Hook", gitlab_push())
DELETED = delivery("gitlab", "Push Hook", gitlab_push(after=ZERO))
UPDATE = delivery("gitlab", "System Hook", gitlab_system("project_update"))
INSTALLED = ProjectInstalled("mike/sub", "diaspora")
REMOVED = ProjectRemoved("the topic is gone")
TURNED_AWAY = DeliveryIgnored("push", f"{UNTAGGED}Add it.")


def intake(heard: Delivery, facts: tuple[Event, ...]) -> RecordedIntake:
    """Return intake that has recorded these facts because of a delivery; nobody can be asked."""
    of, now = Aggregate("gitlab", "15", "project", ""), datetime.now(UTC)
    recorded = tuple(Recorded(fact, of, f"e-{n}", n, now) for n, fact in enumerate(facts, 1))
    nothing = cast("Any", None)
    scene = Scene(Decision("intake", heard, recorded), nothing, nothing, nothing, [])
    return RecordedIntake(nothing, fold(), everybody(), scene=scene)


@pytest.mark.parametrize(
    ("heard", "facts", "also"),
    [
        (PUSH, (INSTALLED, DeliveryTranslated("push", 2)), INSTALLED),
        (PUSH, (DeliveryTranslated("push", 1),), None),
        (PUSH, (DeliveryIgnored("push", "main is at b already"),), None),
        (UPDATE, (REMOVED,), REMOVED),
        (UPDATE, (INSTALLED,), INSTALLED),
        (DELETED, (BranchDeleted("main", "a", "ada"),), None),
        (DELETED, (INSTALLED,), None),  # nobody was asked because of it
        (PUSH, (), None),
    ],
)
async def test_what_the_forge_said_is_as_recorded(
    heard: Delivery, facts: tuple[Event, ...], also: Event | None
) -> None:
    """A project that was installed or removed by its answer is so again; others are as they are."""
    understood = understand(heard)
    meaning = await intake(heard, facts).asked("gitlab", understood)

    assert meaning.says == understood.says
    project = "74" if heard is UPDATE else "15"
    of = Aggregate("gitlab", project, "project", "")
    assert meaning.also == ((Statement(of, also),) if also else ())


async def test_who_was_turned_away_is_turned_away_in_the_same_words() -> None:
    """Whatever the topic is called by now."""
    meaning = await intake(PUSH, (TURNED_AWAY,)).asked("gitlab", understand(PUSH))

    assert meaning.says == Ignored(TURNED_AWAY.reason)
