"""The supervisor, seen by the deployer: a real process, real functions, real sockets."""

import asyncio

import pytest

from schemas.errors import DeployFailed
from tests.consumers.deployer.machine import Machine


async def test_deploy_returns_after_readiness_was_observed(machine: Machine) -> None:
    """When deploy returns, the very first call is answered, however slowly it started."""
    revision = machine.revision(variables={"START_SECONDS": "0.5", "ANSWER": "hi"})

    running = await machine.platform.deploy(revision)

    assert running.start_ms >= 500
    assert running.upstream == f"unix:{machine.socket(revision).name}"
    async with machine.session(revision) as client, client.get("/") as answer:
        assert (answer.status, await answer.text()) == (200, "hi")


async def test_deploying_twice_starts_one_process(machine: Machine) -> None:
    """An order that comes twice, at once or later, is one process."""
    revision = machine.revision()

    first, second = await asyncio.gather(
        machine.platform.deploy(revision), machine.platform.deploy(revision)
    )
    before = await machine.ask(revision, "/who")
    third = await machine.platform.deploy(revision)

    assert first == second == third
    assert before == await machine.ask(revision, "/who")
    assert len(await machine.platform.statuses()) == 1


async def test_a_crash_at_start_fails_with_the_last_lines(machine: Machine) -> None:
    """Who deploys is told how it ended and what it printed; nothing of it is left."""
    revision = machine.revision(variables={"CRASH": "1"})

    with pytest.raises(DeployFailed) as failed:
        await machine.platform.deploy(revision)

    assert "exited with code 1" in str(failed.value)
    assert "this function does not want to live" in str(failed.value)
    assert await machine.platform.running() == frozenset()
    assert not machine.socket(revision).exists()
