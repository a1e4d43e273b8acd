"""Deployer and reconciler with a gateway: what the log says is what runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from consumers.deployer.consumer import Deployer
from consumers.deployer.openfaas.platform import OpenFaasPlatform
from consumers.deployer.reconcile import reconcile
from schemas.errors import PlatformUnavailable
from schemas.events.function import FunctionDeployed, FunctionDeployFailed, FunctionRemoved
from tests.consumers.deployer.machine import until
from tests.consumers.deployer.story import FUNCTION, REFERENCE, Story
from tests.heavy.gateway.played import Gateway


@pytest.fixture
def deploying(story: Story, platform: OpenFaasPlatform) -> Story:
    """Return a story whose deployer has a gateway."""
    story.deployer = Deployer(story.bus.log, story.bus.blobs, platform)
    return story


@asynccontextmanager
async def reconciling(story: Story, platform: OpenFaasPlatform) -> AsyncIterator[None]:
    """Reconcile for as long as the context lasts."""
    stopping = asyncio.Event()
    task = asyncio.create_task(reconcile(story.bus, platform, stopping))
    try:
        yield
    finally:
        stopping.set()
        await asyncio.wait_for(task, 30)


def revision_at(gateway: Gateway) -> str:
    """Return the key of the revision that the gateway has in the function's place."""
    held = gateway.functions.get("alice-hello")
    annotations = held.deployment["annotations"] if held else {}
    return str(annotations.get("com.openfaas.cloud.revision", ""))


async def test_a_build_becomes_live_behind_the_gateway(deploying: Story, gateway: Gateway) -> None:
    """The fact says where to call it and what was pulled; a second delivery adds nothing."""
    built = await deploying.built(1)

    await deploying.deployer.handle(built)
    await deploying.deployer.handle(built)

    deployed = (await deploying.facts())[-1]
    assert isinstance(deployed, FunctionDeployed)
    assert deployed.upstream == f"{gateway.url}/function/alice-hello"
    assert deployed.reference == REFERENCE
    assert gateway.functions["alice-hello"].deployment["image"] == REFERENCE
    assert len(gateway.asked("POST", "PUT")) == 1


async def test_an_hour_s_outage_is_no_failure(deploying: Story, gateway: Gateway) -> None:
    """While the gateway is down nothing is recorded but the beginning; then it is deployed."""
    gateway.weather.status = 502
    built = await deploying.built(1)
    for _ in range(3):
        with pytest.raises(PlatformUnavailable):
            await deploying.deployer.handle(built)
    assert len(await deploying.facts()) == 2

    gateway.weather.status = 0
    await deploying.deployer.handle(built)

    assert isinstance((await deploying.facts())[-1], FunctionDeployed)


async def test_what_somebody_deleted_comes_back_and_what_is_removed_goes(
    deploying: Story, gateway: Gateway, platform: OpenFaasPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The live revision is brought back from the log alone; a removed one is deleted."""
    monkeypatch.setattr(OpenFaasPlatform, "every", 0.1)
    await deploying.deployer.handle(await deploying.built(1))
    await deploying.deployer.handle(await deploying.built(2))
    gateway.held.clear()

    async def back() -> bool:
        return revision_at(gateway).endswith("@abcdef0-2")

    async def gone() -> bool:
        return not gateway.functions

    async with reconciling(deploying, platform):
        await until(back)
        removed = FunctionRemoved(label="alice", environment="production", function="hello")
        await deploying.bus.log.append(removed, of=FUNCTION, id="removed")
        await until(gone)


async def test_reconciling_leaves_a_replacement_alone(
    deploying: Story, gateway: Gateway, platform: OpenFaasPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a revision is tried and takes the place, the reconciler orders nothing."""
    monkeypatch.setattr(OpenFaasPlatform, "every", 0.05)
    await deploying.deployer.handle(await deploying.built(1))
    gateway.weather.ready_after = 0.5
    gateway.calls.clear()

    async with reconciling(deploying, platform):
        await deploying.deployer.handle(await deploying.built(2))

    assert gateway.asked("POST", "PUT", "DELETE") == [
        "POST /system/functions",
        "PUT /system/functions",
        "DELETE /system/functions",
    ]


async def test_given_up_after_the_replacement_the_live_one_comes_back(
    deploying: Story, gateway: Gateway, platform: OpenFaasPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newer generation stands there, has failed for the log, and gives way."""
    monkeypatch.setattr(OpenFaasPlatform, "every", 0.1)
    await deploying.deployer.handle(await deploying.built(1))
    built = await deploying.built(2)
    gateway.weather.status, gateway.weather.only = 503, "DELETE"  # of the trial, its last call
    with pytest.raises(PlatformUnavailable):
        await deploying.deployer.handle(built)
    assert revision_at(gateway).endswith("@abcdef0-2")
    await deploying.deployer.gave_up(built, "gateway_unavailable", "down")
    gateway.weather.status = 0

    async def back() -> bool:
        return revision_at(gateway).endswith("@abcdef0-1") and len(gateway.functions) == 1

    async with reconciling(deploying, platform):
        await until(back)

    assert isinstance((await deploying.facts())[-1], FunctionDeployFailed)
