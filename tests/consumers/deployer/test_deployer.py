"""The deployer, seen by an operator. The log is real; only the platform is a fake."""

import asyncio

import msgspec
import pytest

from bus.connection import Bus
from consumers.deployer.consumer import Deployer, NotClaimed
from schemas.errors import DeployFailed, PlatformUnavailable
from schemas.events.function import (
    FunctionClaimed,
    FunctionDeployed,
    FunctionDeployFailed,
    FunctionDeployStarted,
    FunctionRemoved,
)
from schemas.events.run import RunSuperseded
from schemas.route import RouteOptions
from tests.consumers.deployer.story import FUNCTION, IMAGE, REFERENCE, SHA, FakePlatform, Story


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
        reference=REFERENCE,
    )
    (revision,) = story.platform.revisions.values()
    assert revision.key == "local/alice/hello/production/hello@abcdef0-1"
    assert (revision.spec.fprocess, revision.spec.environment) == ("cat", {"A": "1"})
    assert (revision.sha, revision.branch, revision.repository.owner) == (SHA, "main", "alice")


async def test_the_fact_tells_what_the_stack_asks_of_the_router(story: Story) -> None:
    """Annotations of the route arrive with the revision that they belong to."""
    await story.deployer.handle(await story.built(1, policy="members", timeout="90s"))

    *_, deployed = await story.facts()
    assert isinstance(deployed, FunctionDeployed)
    assert deployed.route == RouteOptions(policy="members", response_seconds=90.0)


async def test_an_annotation_that_cannot_be_had_fails_the_deployment(story: Story) -> None:
    """A stack of an older release may carry one: nothing goes live more open than it says."""
    await story.deployer.handle(await story.built(1, policy="memebrs"))

    *_, failed = await story.facts()
    assert isinstance(failed, FunctionDeployFailed)
    assert "com.pushline.route.policy: memebrs" in failed.message
    assert story.platform.deploys == []


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


async def test_a_revision_that_comes_back_keeps_its_name(story: Story) -> None:
    """Where it runs still it is routed at once, under the newest generation."""
    await story.deployer.handle(await story.built(1))
    await story.deployer.handle(await story.built(2))
    again = await story.built(3)
    back = msgspec.structs.replace(again.fact, revision="abcdef0-1")

    await story.deployer.handle(msgspec.structs.replace(again, fact=back))

    *_, deployed = await story.facts()
    assert isinstance(deployed, FunctionDeployed)
    assert (deployed.revision, deployed.generation) == ("abcdef0-1", 3)
    assert deployed.previous == "abcdef0-2"
    assert set(story.platform.revisions) == {
        f"local/alice/hello/production/hello@abcdef0-{number}" for number in (1, 2)
    }


async def test_an_older_generation_is_skipped(story: Story) -> None:
    """What was built later but pushed earlier does not go live, and is not even started."""
    older = await story.built(1)
    await story.deployer.handle(await story.built(2))

    await story.deployer.handle(older)

    assert story.platform.deploys == ["abcdef0-2"]
    assert [
        fact.generation for fact in await story.facts() if isinstance(fact, FunctionDeployed)
    ] == [2]


@pytest.mark.weakness(13)
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
