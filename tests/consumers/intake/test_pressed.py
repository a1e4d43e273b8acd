"""Buttons under a forge's checks, pressed: what intake records of them."""

from typing import Any

import pytest

from bus.connection import Bus
from consumers.forges.asking import ForgeUnavailable
from consumers.forges.checks import APPROVE, Check, external_id
from consumers.forges.meaning import Ignored, Pressed, Statement
from consumers.intake.consumer import UNASKED, Intake
from schemas.envelope import Aggregate
from schemas.events.delivery import DeliveryIgnored, DeliveryTranslated
from schemas.events.pull import PullApproved
from schemas.events.run import RunRerunRequested
from tests.consumers.forges.samples import A, account, github_repository
from tests.consumers.intake.test_consumer import intake, recorded, store

__all__ = ["intake"]  # the fixture
RUN = "01JD8Z6Q5V0000000000000000"


class Asked:
    """A forge that says of everybody the same, or nothing."""

    def __init__(self, says: Ignored | tuple[Statement, ...] | None) -> None:
        self.says = says

    async def meant(self, pressed: Pressed) -> Ignored | tuple[Statement, ...]:
        """Return what it says."""
        assert pressed.who == "ada"
        if self.says is None:
            raise ForgeUnavailable("it is down")
        return self.says


def press(button: str, check: Check) -> dict[str, Any]:
    """Return GitHub's event ``check_run``."""
    return {
        "action": "requested_action" if button else "rerequested",
        "requested_action": {"identifier": button} if button else None,
        "check_run": {"external_id": external_id(check)},
        "repository": github_repository(),
        "sender": account("ada"),
        "installation": {"id": 957387},
    }


APPROVAL = press(APPROVE, Check(environment="pr-7", pull=7, sha=A))
PULL = Aggregate("github", "1296269", "pull", "7")


def at_github(intake: Intake, says: Ignored | tuple[Statement, ...] | None) -> Intake:
    """Return intake at a forge that says this."""
    return Intake(intake.events, intake.branches, intake.customers, {}, {"github": Asked(says)})


async def test_a_run_is_wanted_again(bus: Bus, intake: Intake) -> None:
    """As if asked by the API, of whoever pressed; a delivery that comes twice asks once."""
    body = press("", Check(environment="production", run=RUN))
    delivery = await store(bus, "github", "d-1", body, x_github_event="check_run")

    await intake.handle(delivery)
    await intake.handle(delivery)

    asked, translated = await recorded(bus)
    assert asked.fact == RunRerunRequested()
    assert asked.of == Aggregate("github", "1296269", "run", RUN)
    assert (asked.actor, asked.cause) == ("ada", "github:d-1")
    assert translated.fact == DeliveryTranslated("check_run", 1)


async def test_an_approval_that_the_forge_confirms(bus: Bus, intake: Intake) -> None:
    """What it confirms is recorded, of whoever pressed."""
    fact = PullApproved(7, A, "approved at GitHub")
    delivery = await store(bus, "github", "d-1", APPROVAL, x_github_event="check_run")

    await at_github(intake, (Statement(PULL, fact),)).handle(delivery)

    approved, _ = await recorded(bus)
    assert (approved.fact, approved.of, approved.actor) == (fact, PULL, "ada")


async def test_an_approval_that_the_forge_refuses(bus: Bus, intake: Intake) -> None:
    """Nothing is let in, and the log says why."""
    delivery = await store(bus, "github", "d-1", APPROVAL, x_github_event="check_run")

    await at_github(intake, Ignored("ada may not approve")).handle(delivery)

    assert [event.fact for event in await recorded(bus)] == [
        DeliveryIgnored("check_run", "ada may not approve")
    ]


async def test_an_approval_waits_for_a_silent_forge(bus: Bus, intake: Intake) -> None:
    """Nothing is recorded, so that it is asked again; without an App nobody can be."""
    delivery = await store(bus, "github", "d-1", APPROVAL, x_github_event="check_run")

    with pytest.raises(ForgeUnavailable):
        await at_github(intake, None).handle(delivery)

    assert await recorded(bus) == []


async def test_nobody_can_be_asked(bus: Bus, intake: Intake) -> None:
    """Without an App an approval counts for nothing, and the reason says what to set."""
    await intake.handle(await store(bus, "github", "d-1", APPROVAL, x_github_event="check_run"))

    assert [event.fact for event in await recorded(bus)] == [DeliveryIgnored("check_run", UNASKED)]
