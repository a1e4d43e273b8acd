"""What is live and what runs are brought together again."""

import asyncio

from consumers.deployer.desired import Desired, key, reduce
from consumers.deployer.reconcile import GRACE, Reconciler, reconcile
from schemas.errors import DeployFailed
from tests.consumers.deployer.machine import until
from tests.consumers.deployer.story import Story


async def test_a_new_revision_retires_the_old_after_a_grace(story: Story) -> None:
    """Reconciling keeps the old revision for two seconds, and the new one for good."""
    await story.deployer.handle(await story.built(1))
    await story.deployer.handle(await story.built(2))
    rows = await folded(story)
    now = 100.0
    reconciler = Reconciler(rows, story.bus.log, story.bus.blobs, story.platform, lambda: now)

    await reconciler.step()
    now += GRACE - 0.1
    await reconciler.step()
    assert len(story.platform.revisions) == 2

    now += 0.2
    await reconciler.step()
    assert list(story.platform.revisions) == ["local/alice/hello/production/hello@abcdef0-2"]


async def test_what_is_being_deployed_is_not_retired(story: Story) -> None:
    """A revision that the log says is about to be ready is let be, however long it takes."""
    await story.deployer.handle(await story.built(1))
    story.platform.before = asyncio.Event()
    handling = asyncio.create_task(story.deployer.handle(await story.built(2)))
    await asyncio.sleep(0)
    await until(lambda: begun(story, 2))
    story.platform.revisions["local/alice/hello/production/hello@abcdef0-2"] = next(
        iter(story.platform.revisions.values())
    )
    now = 100.0
    reconciler = Reconciler(
        await folded(story), story.bus.log, story.bus.blobs, story.platform, lambda: now
    )

    await reconciler.step()
    now += 3600
    await reconciler.step()

    assert len(story.platform.revisions) == 2
    story.platform.before.set()
    await handling


async def begun(story: Story, count: int) -> bool:
    """Tell whether the platform has been asked so often."""
    return len(story.platform.deploys) == count


async def test_all_that_was_live_is_brought_back(story: Story) -> None:
    """A platform that has forgotten everything is told again, from the log alone."""
    await story.deployer.handle(await story.built(1))
    story.platform.revisions.clear()
    stopping = asyncio.Event()

    reconciling = asyncio.create_task(reconcile(story.bus, story.platform, stopping))

    async def back() -> bool:
        return bool(story.platform.revisions)

    await until(back)
    stopping.set()
    await asyncio.wait_for(reconciling, 10)
    (revision,) = story.platform.revisions.values()
    assert revision.spec.environment == {"A": "1"}
    assert (await story.facts())[-1] == (await story.facts())[2]


async def test_a_revision_that_does_not_come_back_is_tried_less_often(story: Story) -> None:
    """A bundle that is lost does not keep the machine busy."""
    await story.deployer.handle(await story.built(1))
    story.platform.revisions.clear()
    story.platform.deploys.clear()
    story.platform.fails = DeployFailed("the bundle is not on this machine")
    now = 100.0
    reconciler = Reconciler(
        await folded(story), story.bus.log, story.bus.blobs, story.platform, lambda: now
    )

    for _ in range(40):
        await reconciler.step()
        while any(not task.done() for task in reconciler._starting.values()):  # noqa: SLF001
            await asyncio.sleep(0)
            await asyncio.wait(reconciler._starting.values())  # noqa: SLF001
        now += 0.5

    assert 3 <= len(story.platform.deploys) <= 6


async def folded(story: Story) -> dict[str, Desired]:
    """Return the rows that the log's facts make."""
    rows: dict[str, Desired] = {}
    async for event in story.bus.follow.events(after=0, until=await story.bus.log.head()):
        name = key(event)
        if name is not None:
            row = reduce(rows.get(name), event)
            if row is None:
                rows.pop(name, None)
            else:
                rows[name] = row
    return rows
