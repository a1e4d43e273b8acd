"""Accounts that have suspended the App, or left it: nothing is built, and it is said why."""

from collections.abc import Sequence
from typing import Any

import pytest

from bus.connection import Bus
from consumers.intake.consumer import Intake
from schemas.events import Event
from schemas.events.branch import BranchDeleted, BranchPushed
from schemas.events.delivery import DeliveryIgnored
from schemas.events.pull import PullOpened
from tests.consumers.forges.samples import ZERO, github_installation, github_push
from tests.consumers.forges.test_pulls import github_pull_body
from tests.consumers.intake.test_consumer import intake, recorded, store

__all__ = ["intake"]  # the fixture


async def hear(bus: Bus, intake: Intake, kind: str, body: dict[str, Any]) -> Event:
    """Let intake take a delivery; return the first fact that it recorded."""
    before = len(await recorded(bus))
    await intake.handle(await store(bus, "github", f"d-{before}", body, x_github_event=kind))
    return (await recorded(bus))[before].fact


@pytest.mark.parametrize(
    ("actions", "built"),
    [
        (("created", "suspend"), "suspended the App"),
        (("suspend",), "suspended the App"),
        (("created", "suspend", "unsuspend"), ""),
        (("created", "suspend", "deleted", "created"), ""),
        (("created", "deleted"), "uninstalled the App"),
        (("created",), ""),
    ],
)
async def test_whether_pushes_are_taken(
    bus: Bus, intake: Intake, actions: Sequence[str], built: str
) -> None:
    """What the account has said last holds, of its pushes and pull requests alike."""
    for action in actions:
        await hear(bus, intake, "installation", github_installation(action))

    pushed = await hear(bus, intake, "push", github_push())
    opened = await hear(bus, intake, "pull_request", github_pull_body("opened"))

    if not built:
        assert (type(pushed), type(opened)) == (BranchPushed, PullOpened)
        return
    for fact in (pushed, opened):
        assert isinstance(fact, DeliveryIgnored)
        assert built in fact.reason


async def test_what_ends_something_is_taken_all_the_same(bus: Bus, intake: Intake) -> None:
    """A branch that is gone is gone; nor is a webhook without an App anybody's installation."""
    await hear(bus, intake, "installation", github_installation("suspend"))
    alone = github_push(ref="refs/heads/other")
    del alone["installation"]

    deleted = await hear(bus, intake, "push", github_push(after=ZERO, deleted=True))
    pushed = await hear(bus, intake, "push", alone)

    assert isinstance(deleted, BranchDeleted)
    assert isinstance(pushed, BranchPushed)


async def test_another_installation_takes_the_place_of_one_that_left(
    bus: Bus, intake: Intake
) -> None:
    """Its first push may come before the word that it is there."""
    await hear(bus, intake, "installation", github_installation("deleted"))

    pushed = await hear(bus, intake, "push", github_push(installation={"id": 4711}))

    assert isinstance(pushed, BranchPushed)
