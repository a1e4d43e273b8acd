"""Intake on a real log."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from bus import streams
from bus.connection import Bus
from bus.work import work
from consumers.intake.consumer import BATCH, Intake, fold
from consumers.planner.consumer import Planner
from consumers.planner.folds import Folds
from schemas.envelope import Aggregate, Delivery, Recorded
from schemas.events import Event
from schemas.events.branch import BranchPushed
from schemas.events.delivery import DeliveryIgnored, DeliveryTranslated
from schemas.events.project import ProjectInstalled
from schemas.events.run import RunQueued
from schemas.events.tenant import TenantInstalled
from tests.consumers.forges.samples import (
    ZERO,
    A,
    B,
    github_installation,
    github_push,
    listed,
    local_push,
)
from tests.consumers.intake.listing import everybody


@pytest.fixture
async def intake(bus: Bus) -> AsyncIterator[Intake]:
    """Yield intake with its fold following the log."""
    branches = fold()
    following = asyncio.create_task(branches.run(bus.follow))
    yield Intake(bus.log, branches, everybody())
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def store(bus: Bus, forge: str, id: str, body: object, **headers: str) -> Delivery:
    """Store a delivery and read it again."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return await bus.deliveries.get(await bus.deliveries.store(forge, id, names, raw))


async def recorded(bus: Bus) -> list[Recorded[Event]]:
    """Return all events."""
    return [event async for event in bus.follow.events(after=0, until=await bus.log.head())]


async def test_a_push_is_recorded_with_its_delivery(bus: Bus, intake: Intake) -> None:
    """One batch: the branch's fact and the delivery's own; who pushed, and what caused it."""
    delivery = await store(bus, "github", "d-1", github_push(), x_github_event="push")

    await intake.handle(delivery)
    await intake.handle(delivery)

    pushed, translated = await recorded(bus)
    assert isinstance(pushed.fact, BranchPushed)
    assert pushed.id == "intake:github:d-1:branch.pushed"
    assert (pushed.cause, pushed.actor, pushed.name) == ("github:d-1", "ada", "Octo/Hello-World")
    assert translated.fact == DeliveryTranslated("push", 1)
    assert translated.of == Aggregate("github", "", "delivery", "d-1")


async def test_what_cannot_be_understood_is_ignored_by_fact(bus: Bus, intake: Intake) -> None:
    """A sender's mistake names the field, is no dead letter, and the raw body stays."""
    body = github_push(before="short")
    delivery = await store(bus, "github", "d-1", body, x_github_event="push")

    await intake.handle(delivery)

    (ignored,) = await recorded(bus)
    assert isinstance(ignored.fact, DeliveryIgnored)
    assert "$.before" in ignored.fact.reason
    assert (await bus.deliveries.get(delivery.seq)).body == delivery.body


async def test_a_forge_that_nobody_knows(bus: Bus, intake: Intake) -> None:
    """A delivery of a forge of a newer release is ignored, not lost and not retried for ever."""
    await intake.handle(await store(bus, "gitea", "d-1", {}))

    (ignored,) = await recorded(bus)
    assert ignored.fact == DeliveryIgnored("", "no forge is called gitea")


async def test_a_large_installation(bus: Bus, intake: Intake) -> None:
    """More repositories than a batch takes: each once, the delivery's own fact last.

    A crash after the first batch, then the delivery again: only what is missing is added.
    """
    count = 2 * BATCH + 7
    body = github_installation("created", repositories=[listed(n) for n in range(count)])
    delivery = await store(bus, "github", "d-1", body, x_github_event="installation")

    class Dying(Intake):
        async def _append(self, *_: object, **__: object) -> None:
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await Dying(bus.log, intake.branches, intake.customers).handle(delivery)
    assert await bus.log.head() == 2 * BATCH
    await intake.handle(delivery)

    events = await recorded(bus)
    assert isinstance(events[0].fact, TenantInstalled)
    projects = [event.of.project for event in events if isinstance(event.fact, ProjectInstalled)]
    assert projects == [str(number) for number in range(count)]
    assert events[-1].fact == DeliveryTranslated("installation", count + 1)
    assert len(events) == count + 2


async def test_a_branch_with_any_name(bus: Bus, intake: Intake) -> None:
    """Names that a subject cannot carry, or not in full, keep their history."""
    for number, name in enumerate(("feature/x.y *>", "é" * 100, "a" * 255)):
        first = local_push(branch=name)
        second = local_push(branch=name, before=A, after=B)
        await intake.handle(await store(bus, "local", f"{number}-1", first))
        await intake.handle(await store(bus, "local", f"{number}-2", second))

    pushes = [event for event in await recorded(bus) if isinstance(event.fact, BranchPushed)]
    assert [event.fact.continues for event in pushes] == [True] * 6  # type: ignore[attr-defined]
    assert {event.of.id for event in pushes} == {"feature/x.y *>", "é" * 100, "a" * 255}


async def test_the_fold_begins_from_its_snapshot(bus: Bus, intake: Intake) -> None:
    """After a restart intake knows what it knew."""
    folder = bus.settings.home / "snapshots"
    await intake.handle(await store(bus, "local", "1", local_push()))
    for _ in range(2):
        branches = fold(folder)
        following = asyncio.create_task(branches.run(bus.follow))
        await branches.reached(await bus.log.head())
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        assert [row.head for row in branches.rows.values()] == [A]
    assert (folder / "intake-branches.json").exists()


async def test_order_within_a_project_is_kept(intake: Intake, bus: Bus) -> None:
    """Deliveries about one project wait for one another, others do not."""
    one = await store(bus, "local", "1", local_push())
    two = await store(bus, "local", "2", local_push(branch="other"))
    three = await store(bus, "local", "3", local_push(owner="bob"))
    broken = await store(bus, "local", "4", b"{")

    assert intake.key(one) == intake.key(two) == "local alice/hello"
    assert intake.key(three) == "local bob/hello"
    assert intake.key(broken) == "local:4"


async def queued(bus: Bus, count: int) -> list[RunQueued]:
    """Return so many runs, as they are queued."""
    runs: list[RunQueued] = []
    async for event in bus.follow.events(after=0):
        if isinstance(event.fact, RunQueued):
            runs.append(event.fact)
        if len(runs) == count:
            break
    return runs


async def test_at_work(bus: Bus) -> None:
    """Intake and planner in their loops: 30 pushes stored at once become 30 runs in order."""
    branches, folds = fold(), Folds.kept()
    workers = (Intake(bus.log, branches, everybody()), Planner(bus.log, folds))
    await streams.ensure(bus.settings, workers)
    stopping = asyncio.Event()
    following = [asyncio.create_task(each.run(bus.follow)) for each in (branches, *folds.all())]
    working = [asyncio.create_task(work(bus, worker, stopping)) for worker in workers]
    commits = [ZERO, *(f"{number:040x}" for number in range(1, 31))]

    for number in range(1, 31):
        body = local_push(before=commits[number - 1], after=commits[number])
        await store(bus, "local", str(number), body)
    async with asyncio.timeout(20):
        runs = await queued(bus, 30)
    stopping.set()
    await asyncio.gather(*working)
    for task in following:
        task.cancel()
    await asyncio.gather(*following, return_exceptions=True)

    assert [run.sha for run in runs] == commits[1:]
    assert [run.generation for run in runs] == list(range(1, 31))
    assert not any(run.resolve for run in runs)
