"""Whose deliveries intake takes: the list of customers, as the log tells it."""

import asyncio

import pytest

from bus.connection import Bus
from bus.fold import Fold
from consumers.customers.consumer import record
from consumers.customers.listing import parse
from consumers.forges.customers import Admitted, fold
from consumers.intake import consumer
from consumers.intake.admission import CustomersUnread
from consumers.intake.again import IntakeAgain
from consumers.intake.consumer import Intake
from schemas.events import Event
from schemas.events.branch import BranchPushed
from schemas.events.delivery import DeliveryIgnored, DeliveryTranslated
from schemas.events.tenant import TenantInstalled, TenantUninstalled
from tests.consumers.forges.samples import github_installation, github_push
from tests.consumers.intake.listing import customers, everybody
from tests.consumers.intake.test_consumer import recorded, store


def intake_of(bus: Bus, listed: Fold[Admitted]) -> Intake:
    """Return intake with this list."""
    return Intake(bus.log, consumer.fold(), listed)


async def facts(bus: Bus) -> list[type[Event]]:
    """Return the classes of all facts."""
    return [type(event.fact) for event in await recorded(bus)]


@pytest.mark.conformance("github-event Handle")
async def test_a_stranger_is_told_what_to_do(bus: Bus) -> None:
    """A push of an account that is not listed leads to nothing but its own fact, which says why."""
    delivery = await store(bus, "github", "d-1", github_push(), x_github_event="push")

    await intake_of(bus, customers("github alice", "gitlab octo")).handle(delivery)

    (ignored,) = await recorded(bus)
    assert isinstance(ignored.fact, DeliveryIgnored)
    assert ignored.fact.reason.startswith('Customer: "Octo" not found in customers ACL')
    assert "PUSHLINE_CUSTOMERS" in ignored.fact.reason


@pytest.mark.conformance("ValidateCustomers")
@pytest.mark.parametrize("listed", [customers("github octo"), everybody()])
async def test_who_is_listed_may_push(bus: Bus, listed: Fold[Admitted]) -> None:
    """The case of a login does not count; a star is everybody."""
    delivery = await store(bus, "github", "d-1", github_push(), x_github_event="push")
    following = asyncio.create_task((intake := intake_of(bus, listed)).branches.run(bus.follow))

    await intake.handle(delivery)

    assert await facts(bus) == [BranchPushed, DeliveryTranslated]
    following.cancel()


async def test_a_stranger_cannot_let_himself_in(bus: Bus) -> None:
    """Installing the App makes nobody a customer; its removal always counts."""
    intake = intake_of(bus, customers())
    for number, action in enumerate(("created", "deleted")):
        body = github_installation(action)
        await intake.handle(
            await store(bus, "github", f"d-{number}", body, x_github_event="installation")
        )

    told = await facts(bus)
    assert told[0] is DeliveryIgnored
    assert TenantInstalled not in told
    assert TenantUninstalled in told


@pytest.mark.weakness(11)
async def test_without_a_list_nothing_is_lost(bus: Bus) -> None:
    """Before the list was ever read a push waits, neither let in nor turned away."""
    listed = fold("intake-customers")
    folding = [asyncio.create_task(one.run(bus.follow)) for one in (listed, consumer.fold())]
    delivery = await store(bus, "github", "d-1", github_push(), x_github_event="push")
    intake = intake_of(bus, listed)
    following = asyncio.create_task(intake.branches.run(bus.follow))

    with pytest.raises(CustomersUnread) as waiting:
        await intake.handle(delivery)
    assert waiting.value.patience.total_seconds() >= 3600
    await record(bus.log, listed, parse("github:octo"))
    await listed.reached(await bus.log.head())
    await intake.handle(delivery)

    assert (await facts(bus))[-2:] == [BranchPushed, DeliveryTranslated]
    for task in (*folding, following):
        task.cancel()


async def test_a_delivery_sent_again_is_let_in_once_its_account_is(bus: Bus) -> None:
    """Who was turned away and is listed later loses nothing: the same delivery is taken."""
    delivery = await store(bus, "github", "d-1", github_push(), x_github_event="push")
    listed = customers()
    intake = intake_of(bus, listed)
    again = IntakeAgain(intake, bus.deliveries, bus.follow.events)
    following = asyncio.create_task(intake.branches.run(bus.follow))
    await intake.handle(delivery)

    listed.rows |= customers("github octo").rows
    await again.handle(delivery)
    await intake.take(delivery, await intake.since(delivery))

    assert await facts(bus) == [DeliveryIgnored, BranchPushed, DeliveryTranslated]
    following.cancel()
