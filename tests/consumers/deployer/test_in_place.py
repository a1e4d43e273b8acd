"""Reconciling with a platform where a new revision takes the place of the old one."""

import asyncio
from dataclasses import dataclass

from consumers.deployer.consumer import Deployer
from consumers.deployer.desired import Desired
from consumers.deployer.platform import Revision, Running
from consumers.deployer.reconcile import GRACE, Reconciler
from schemas.errors import DeployFailed
from schemas.events.function import FunctionDeployFailed
from tests.consumers.deployer.story import FUNCTION, FakePlatform, Story
from tests.consumers.deployer.test_reconcile import folded

OLD = "local/alice/hello/production/hello@abcdef0-1"
NEW = "local/alice/hello/production/hello@abcdef0-2"


@dataclass
class OnePlace(FakePlatform):
    """Keeps one revision a function, and refuses an older one as the port says."""

    async def deploy(self, revision: Revision) -> Running:
        """Put it where its predecessor was."""
        held = next(iter(self.revisions.values()), None)
        if held is not None and held.generation > max(revision.generation, revision.over):
            raise DeployFailed("a newer generation runs")
        self.revisions.clear()
        return await FakePlatform.deploy(self, revision)


async def replaced(story: Story) -> Reconciler:
    """Have the second revision stand in the place of the live one, its fact not yet written."""
    story.platform = OnePlace()
    story.deployer = Deployer(story.bus.log, story.bus.blobs, story.platform)
    await story.deployer.handle(await story.built(1))
    built = await story.built(2)
    want = await story.deployer._wanted(built)  # noqa: SLF001
    assert await story.deployer._begin(want)  # noqa: SLF001
    await story.deployer._run(want)  # noqa: SLF001
    assert list(story.platform.revisions) == [NEW]
    rows = await folded(story)
    return Reconciler(rows, story.bus.log, story.bus.blobs, story.platform, lambda: 100.0)


async def stepped(reconciler: Reconciler) -> None:
    """Compare once, and wait for what that has begun."""
    await reconciler.step()
    if starting := list(reconciler._starting.values()):  # noqa: SLF001
        await asyncio.wait(starting)


async def test_the_old_one_is_not_brought_back_over_a_pending_one(story: Story) -> None:
    """Between the replacement and its fact the live revision is gone, and stays so."""
    reconciler = await replaced(story)

    await stepped(reconciler)

    assert list(story.platform.revisions) == [NEW]
    assert story.platform.deploys == ["abcdef0-1", "abcdef0-2"]


async def test_what_was_live_takes_the_place_of_what_failed(story: Story) -> None:
    """Given up after the replacement, the older generation comes back over the newer one."""
    reconciler = await replaced(story)
    failed = FunctionDeployFailed("01RUN2", 2, "abcdef0-2", "platform_unavailable", "down")
    await story.bus.log.append(failed, of=FUNCTION, id="failed")
    reconciler.rows = await folded(story)

    await stepped(reconciler)

    assert list(story.platform.revisions) == [OLD]


async def test_what_stands_in_its_place_is_not_taken_away_first(story: Story) -> None:
    """While the live one can't be brought back, the failed one in its place is let be."""
    reconciler = await replaced(story)
    failed = FunctionDeployFailed("01RUN2", 2, "abcdef0-2", "platform_unavailable", "down")
    await story.bus.log.append(failed, of=FUNCTION, id="failed")
    reconciler.rows = await folded(story)
    story.platform.fails = DeployFailed("not now")
    kept = dict(story.platform.revisions)
    now = 100.0
    reconciler.clock = lambda: now

    await stepped(reconciler)
    story.platform.revisions.update(kept)  # as an update that a gateway refused leaves it
    now += 2 * GRACE
    await reconciler.step()
    now += 2 * GRACE
    await reconciler.step()

    assert list(story.platform.revisions) == [NEW]
    await reconciler.end()


async def test_a_newer_generation_that_nobody_saw_fail_is_kept(story: Story) -> None:
    """A fold that lags behind orders the old one, and the platform refuses."""
    reconciler = await replaced(story)
    stale = next(iter(reconciler.rows.values()))
    reconciler.rows = {"hello": Desired(of=stale.of, live=stale.live)}

    await stepped(reconciler)

    assert list(story.platform.revisions) == [NEW]
