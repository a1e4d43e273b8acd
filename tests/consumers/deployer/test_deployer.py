"""The deployer, seen by an operator. The log is real; only the platform is a fake."""

import asyncio
from dataclasses import dataclass, field

import msgspec
import pytest

from bus.connection import Bus
from consumers.deployer.consumer import Deployer, NotClaimed
from consumers.deployer.desired import Desired, key, reduce
from consumers.deployer.platform import Revision, Running
from consumers.deployer.reconcile import GRACE, Reconciler, reconcile
from schemas.envelope import Aggregate, Recorded
from schemas.errors import DeployFailed, PlatformUnavailable
from schemas.events import Event
from schemas.events.function import (
    FunctionClaimed,
    FunctionDeployed,
    FunctionDeployFailed,
    FunctionDeployStarted,
    FunctionRemoved,
)
from schemas.events.run import RunBuilt, RunQueued, RunSuperseded
from schemas.repository import Repository
from schemas.stack_spec import FunctionSpec
from tests.consumers.deployer.machine import until

FUNCTION = Aggregate("local", "alice/hello", "function", "production/hello")
REPOSITORY = Repository("alice", "hello", "main")
IMAGE = "sha256:" + "1" * 64
SHA = "abcdef0" + "0" * 33


@dataclass
class FakePlatform:
    """Runs revisions in memory; may be told to fail."""

    revisions: dict[str, Revision] = field(default_factory=dict)
    deploys: list[str] = field(default_factory=list)
    fails: Exception | None = None
    before: asyncio.Event | None = None  # waited for before a revision is ready
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def deploy(self, revision: Revision) -> Running:
        """Run it."""
        self.deploys.append(revision.id)
        self.begun.set()
        if self.before is not None:
            await self.before.wait()
        if self.fails is not None:
            raise self.fails
        self.revisions[revision.key] = revision
        return Running(f"unix:{revision.id}.sock", 7)

    async def retire(self, key: str) -> None:
        """Run it no more."""
        self.revisions.pop(key, None)

    async def running(self) -> frozenset[str]:
        """Return what runs."""
        return frozenset(self.revisions)


class Story:
    """Writes what happens before the deployer's turn."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.platform = FakePlatform()
        self.deployer = Deployer(bus.log, bus.blobs, self.platform)

    async def claim(self) -> None:
        """Give the name to the project."""
        await self.bus.log.append(FunctionClaimed("alice", "hello"), of=FUNCTION, id="claim")

    async def built(self, generation: int, sha: str = SHA) -> Recorded[RunBuilt]:
        """Queue a run of this generation and build its one function."""
        run = Aggregate("local", "alice/hello", "run", f"01RUN{generation}")
        queued = RunQueued(
            environment="production",
            generation=generation,
            branch="main",
            sha=sha,
            repository=REPOSITORY,
            label="alice",
        )
        spec = FunctionSpec(
            name="hello", language="exec", handler=".", environment={"A": "1"}, fprocess="cat"
        )
        digest = await self.bus.blobs.put(msgspec.json.encode(spec))
        await self.bus.log.append(queued, of=run, id=f"queued:{generation}")
        built = RunBuilt(function="hello", image=IMAGE, spec=digest)
        await self.bus.log.append(built, of=run, id=f"built:{generation}")
        found = await self.bus.log.last(run, RunBuilt)
        assert found is not None
        return found

    async def facts(self) -> list[Event]:
        """Return what the log says about the function."""
        until_ = await self.bus.log.head()
        events = self.bus.follow.events(after=0, until=until_)
        return [event.fact async for event in events if event.of == FUNCTION]


@pytest.fixture
async def story(bus: Bus) -> Story:
    """Return a story whose function is claimed."""
    told = Story(bus)
    await told.claim()
    return told


async def test_what_was_built_becomes_live(story: Story) -> None:
    """Started, then deployed, with everything a router and a rollback need."""
    built = await story.built(1)

    await story.deployer.handle(built)

    _, started, deployed = await story.facts()
    assert started == FunctionDeployStarted(
        run="01RUN1", generation=1, revision="abcdef0-1", image=IMAGE
    )
    assert deployed == FunctionDeployed(
        run="01RUN1",
        generation=1,
        revision="abcdef0-1",
        image=IMAGE,
        spec=built.fact.spec,
        sha=SHA,
        label="alice",
        environment="production",
        function="hello",
        upstream="unix:abcdef0-1.sock",
        start_ms=7,
    )
    (revision,) = story.platform.revisions.values()
    assert revision.key == "local/alice/hello/production/hello@abcdef0-1"
    assert (revision.fprocess, revision.variables) == ("cat", {"A": "1"})


async def test_redelivery_deploys_once(story: Story) -> None:
    """A build delivered three times is one deployment in the log."""
    built = await story.built(1)

    for _ in range(3):
        await story.deployer.handle(built)

    facts = await story.facts()
    assert [type(fact) for fact in facts].count(FunctionDeployed) == 1
    assert story.platform.deploys == ["abcdef0-1"]


async def test_a_kill_between_start_and_deployed_is_repaired(story: Story) -> None:
    """A handler that died after the effect says the same again: nothing is twice."""
    built = await story.built(1)
    story.platform.before = asyncio.Event()
    first = asyncio.create_task(story.deployer.handle(built))
    await story.platform.begun.wait()
    first.cancel()
    story.platform.before.set()

    await story.deployer.handle(built)

    kinds = [type(fact) for fact in await story.facts()]
    assert kinds == [FunctionClaimed, FunctionDeployStarted, FunctionDeployed]


async def test_the_previous_revision_is_named(story: Story) -> None:
    """The second deployment says what it replaces."""
    await story.deployer.handle(await story.built(1))

    await story.deployer.handle(await story.built(2))

    deployed = (await story.facts())[-1]
    assert isinstance(deployed, FunctionDeployed)
    assert (deployed.generation, deployed.previous) == (2, "abcdef0-1")


async def test_an_older_generation_is_skipped(story: Story) -> None:
    """What was built later but pushed earlier does not go live, and is not even started."""
    older = await story.built(1)
    await story.deployer.handle(await story.built(2))

    await story.deployer.handle(older)

    assert story.platform.deploys == ["abcdef0-2"]
    assert [
        fact.generation for fact in await story.facts() if isinstance(fact, FunctionDeployed)
    ] == [2]


async def test_an_older_one_that_ends_later_does_not_overwrite(story: Story) -> None:
    """Two replicas deploy at once; the older is ready last, and the newer stays live."""
    older, newer = await story.built(1), await story.built(2)
    slow = FakePlatform(before=asyncio.Event())
    replica = Deployer(story.bus.log, story.bus.blobs, slow)
    late = asyncio.create_task(replica.handle(older))
    await slow.begun.wait()

    await story.deployer.handle(newer)
    assert slow.before is not None
    slow.before.set()
    await late

    deployed = [fact for fact in await story.facts() if isinstance(fact, FunctionDeployed)]
    assert [fact.generation for fact in deployed] == [2]


async def test_a_superseded_run_is_skipped(story: Story) -> None:
    """A run that has ended before its turn deploys nothing."""
    built = await story.built(1)
    await story.bus.log.append(RunSuperseded(by="01RUN2"), of=built.of, id="superseded")

    await story.deployer.handle(built)

    assert story.platform.deploys == []
    assert [type(fact) for fact in await story.facts()] == [FunctionClaimed]


async def test_a_run_that_has_begun_to_deploy_finishes(story: Story) -> None:
    """Superseded after it began: what was begun is ended, so that nothing hangs."""
    built = await story.built(1)
    story.platform.before = asyncio.Event()
    handling = asyncio.create_task(story.deployer.handle(built))
    await story.platform.begun.wait()

    await story.bus.log.append(RunSuperseded(by="01RUN2"), of=built.of, id="superseded")
    story.platform.before.set()
    await handling

    assert isinstance((await story.facts())[-1], FunctionDeployed)


async def test_a_failing_start_is_recorded(story: Story) -> None:
    """Why it did not become ready stands in the log; what was live stays live."""
    await story.deployer.handle(await story.built(1))
    story.platform.fails = DeployFailed("exited with code 1\nlast words")
    built = await story.built(2)

    await story.deployer.handle(built)
    await story.deployer.handle(built)

    facts = await story.facts()
    assert facts[-1] == FunctionDeployFailed(
        run="01RUN2",
        generation=2,
        revision="abcdef0-2",
        code="deploy_failed",
        message="exited with code 1\nlast words",
    )
    assert story.platform.deploys == ["abcdef0-1", "abcdef0-2"]
    assert list(story.platform.revisions) == ["local/alice/hello/production/hello@abcdef0-1"]


async def test_a_platform_that_is_down_means_later(story: Story) -> None:
    """No outcome is recorded; the next delivery deploys."""
    built = await story.built(1)
    story.platform.fails = PlatformUnavailable("down")
    with pytest.raises(PlatformUnavailable):
        await story.deployer.handle(built)

    story.platform.fails = None
    await story.deployer.handle(built)

    kinds = [type(fact) for fact in await story.facts()]
    assert kinds == [FunctionClaimed, FunctionDeployStarted, FunctionDeployed]


async def test_a_deployment_that_is_given_up_has_failed(story: Story) -> None:
    """The run gets its end, once, whatever was live stays so."""
    built = await story.built(1)

    await story.deployer.gave_up(built, "platform_unavailable", "down")
    await story.deployer.gave_up(built, "platform_unavailable", "down")

    (_, failed) = await story.facts()
    assert isinstance(failed, FunctionDeployFailed)
    assert (failed.code, failed.message) == ("platform_unavailable", "down")


async def test_a_name_that_is_not_claimed_waits(bus: Bus) -> None:
    """The planner's claim comes first; without it nothing is started."""
    story = Story(bus)
    built = await story.built(1)
    with pytest.raises(NotClaimed):
        await story.deployer.handle(built)

    handling = asyncio.create_task(story.deployer.handle(built))
    await story.claim()
    await handling

    assert story.platform.deploys == ["abcdef0-1"]


async def test_a_removed_function_stays_removed(story: Story) -> None:
    """A run from before the removal does not bring it back; one from after does."""
    built = await story.built(1)
    removed = FunctionRemoved(label="alice", environment="production", function="hello")
    await story.bus.log.append(removed, of=FUNCTION, id="removed")

    await story.deployer.handle(built)
    assert story.platform.deploys == []

    await story.deployer.handle(await story.built(2))
    assert story.platform.deploys == ["abcdef0-2"]


async def test_a_new_revision_retires_the_old_after_a_grace(story: Story) -> None:
    """Reconciling keeps the old revision for two seconds, and the new one for good."""
    await story.deployer.handle(await story.built(1))
    await story.deployer.handle(await story.built(2))
    rows = await folded(story)
    now = 100.0
    reconciler = Reconciler(rows, story.bus.blobs, story.platform, lambda: now)

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
    reconciler = Reconciler(await folded(story), story.bus.blobs, story.platform, lambda: now)

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
    assert revision.variables == {"A": "1"}
    assert (await story.facts())[-1] == (await story.facts())[2]


async def test_a_revision_that_does_not_come_back_is_tried_less_often(story: Story) -> None:
    """A bundle that is lost does not keep the machine busy."""
    await story.deployer.handle(await story.built(1))
    story.platform.revisions.clear()
    story.platform.deploys.clear()
    story.platform.fails = DeployFailed("the bundle is not on this machine")
    now = 100.0
    reconciler = Reconciler(await folded(story), story.bus.blobs, story.platform, lambda: now)

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
