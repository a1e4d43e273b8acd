"""Pushes, as a forge may send them: the newest commit is the newest run's, once."""

import asyncio

import pytest

from schemas.events.branch import BranchDeleted, BranchPushed, BranchPushOutdated
from schemas.events.delivery import DeliveryIgnored, DeliveryTranslated
from schemas.events.run import RunQueued, RunSuperseded
from schemas.events.tenant import TenantLabelled
from tests.consumers.planner.office import Office, sha


async def test_a_push_becomes_a_run(desk: Office) -> None:
    """A push to the default branch labels the tenant and queues generation 1 of production."""
    await desk.push("1", 0, 1)

    (labelled,) = await desk.facts(TenantLabelled)
    assert (labelled.of.id, labelled.fact.label) == ("alice", "alice")
    (run,) = await desk.facts(RunQueued)
    assert (run.fact.environment, run.fact.generation, run.fact.sha) == ("production", 1, sha(1))
    assert (run.fact.label, run.fact.resolve) == ("alice", False)
    (push,) = await desk.facts(BranchPushed)
    assert (run.cause, run.fact.push, run.name) == (push.id, push.seq, "alice/hello")
    assert push.actor == "alice"


@pytest.mark.conformance("checkBranch")
@pytest.mark.conformance("github-push")
async def test_other_branches_have_no_run(desk: Office) -> None:
    """Only the default branch is deployed; the push of another is recorded all the same."""
    await desk.push("1", 0, 1, branch="feature/x")

    assert len(await desk.facts(BranchPushed)) == 1
    assert await desk.facts(RunQueued) == []


async def test_two_pushes_in_quick_succession(desk: Office) -> None:
    """The older run is superseded by the newer."""
    await desk.push("1", 0, 1)
    await desk.push("2", 1, 2)

    first, second = await desk.facts(RunQueued)
    assert (first.fact.generation, second.fact.generation) == (1, 2)
    (superseded,) = await desk.facts(RunSuperseded)
    assert (superseded.of.id, superseded.fact.by) == (first.of.id, second.of.id)


async def test_pushes_in_the_wrong_order(desk: Office) -> None:
    """The newer push arrives first: it asks the forge for the head; the older one is outdated."""
    await desk.push("1", 0, 1)
    await desk.push("3", 2, 3)
    await desk.push("2", 1, 2)

    runs = await desk.facts(RunQueued)
    assert [(run.fact.sha, run.fact.resolve) for run in runs] == [(sha(1), False), (sha(3), True)]
    (outdated,) = await desk.facts(BranchPushOutdated)
    assert (outdated.fact.after, outdated.fact.head) == (sha(2), sha(3))


async def test_a_day_old_push_resent(desk: Office) -> None:
    """An old push under a new delivery id moves nothing."""
    await desk.push("1", 0, 1)
    await desk.push("2", 1, 2)
    await desk.push("3", 2, 3)
    await desk.push("old", 0, 1)
    await desk.push("older", 1, 2)

    assert [run.fact.sha for run in await desk.facts(RunQueued)] == [sha(1), sha(2), sha(3)]
    assert len(await desk.facts(BranchPushOutdated)) == 2


async def test_the_same_push_five_times_at_once(desk: Office) -> None:
    """Five deliveries of one push: one run, four are ignored by fact."""
    await desk.push("1", 0, 1)
    await asyncio.gather(*(desk.deliver(f"2-{n}", 1, 2) for n in range(5)))
    await desk.plan()

    assert [run.fact.sha for run in await desk.facts(RunQueued)] == [sha(1), sha(2)]
    assert len(await desk.facts(DeliveryTranslated)) == 2
    ignored = await desk.facts(DeliveryIgnored)
    assert [event.fact.reason for event in ignored] == ["main is at 0000000 already"] * 4


async def test_a_move_seen_before_asks_the_forge(desk: Office) -> None:
    """Back and forth between two commits may be resends: the forge is asked for the head."""
    await desk.push("1", 0, 1)
    await desk.push("2", 1, 2)
    await desk.push("3", 2, 1)
    await desk.push("4", 1, 2)

    runs = await desk.facts(RunQueued)
    assert [(run.fact.sha, run.fact.resolve) for run in runs] == [
        (sha(1), False),
        (sha(2), False),
        (sha(1), True),
        (sha(2), True),
    ]


async def test_deleted_and_made_again(desk: Office) -> None:
    """A deletion is recorded once, late ones are told apart, and the branch can come back."""
    await desk.push("1", 0, 1)
    await desk.push("2", 1, 2)
    await desk.push("late", 1, 0)
    await desk.push("3", 2, 0)
    await desk.push("again", 2, 0)
    await desk.push("4", 0, 4)

    (deleted,) = await desk.facts(BranchDeleted)
    assert deleted.fact.before == sha(2)
    (outdated,) = await desk.facts(BranchPushOutdated)
    assert outdated.fact.after == sha(0)
    (ignored,) = await desk.facts(DeliveryIgnored)
    assert ignored.fact.reason == "main is gone already"
    runs = await desk.facts(RunQueued)
    assert [(run.fact.sha, run.fact.resolve) for run in runs][2:] == [(sha(4), True)]


async def test_a_push_that_was_overtaken_is_decided_first(desk: Office) -> None:
    """The worker gives the newer push to the planner first: both get a run, the newest the last."""
    await desk.deliver("1", 0, 1)
    await desk.deliver("2", 1, 2)
    older, newer = await desk.facts(BranchPushed)

    await desk.planner.handle(newer)
    await desk.planner.handle(older)

    runs = await desk.facts(RunQueued)
    assert [(run.fact.sha, run.fact.generation) for run in runs] == [(sha(1), 1), (sha(2), 2)]
    (superseded,) = await desk.facts(RunSuperseded)
    assert superseded.of.id == runs[0].of.id


async def test_each_event_delivered_twice(desk: Office) -> None:
    """Handling everything a second time, from the start, adds nothing."""
    for id, before, after in (("1", 0, 1), ("2", 1, 2), ("3", 2, 3)):
        await desk.push(id, before, after)
    head = await desk.bus.log.head()

    for id, before, after in (("1", 0, 1), ("2", 1, 2), ("3", 2, 3)):
        await desk.deliver(id, before, after)
    desk.planned = 0
    await desk.plan()

    assert await desk.bus.log.head() == head
