"""Consumers in one process: kept running, stopped together."""

import asyncio

import pytest

from consumers import run as runner


async def until(stopping: asyncio.Event) -> None:
    """Be a consumer that does its work and nothing else."""
    await stopping.wait()


async def test_a_crashed_consumer_comes_back_while_the_others_go_on() -> None:
    """One that fails twice is started a third time; its neighbour is started once."""
    stopping = asyncio.Event()
    begun = {"weak": 0, "steady": 0}

    async def weak(stop: asyncio.Event) -> None:
        begun["weak"] += 1
        if begun["weak"] < 3:
            raise OSError("the disk is away")
        stopping.set()
        await until(stop)

    async def steady(stop: asyncio.Event) -> None:
        begun["steady"] += 1
        await until(stop)

    async with asyncio.timeout(10):
        await runner.run({"weak": weak, "steady": steady}, stopping)

    assert begun == {"weak": 3, "steady": 1}


async def test_stop_ends_a_pause_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a backoff that has become pointless."""
    monkeypatch.setattr(runner, "FIRST_WAIT", 60.0)
    stopping, crashed = asyncio.Event(), asyncio.Event()

    async def broken(_: asyncio.Event) -> None:
        crashed.set()
        raise OSError("gone")

    async with asyncio.timeout(10):
        running = asyncio.create_task(runner.run({"broken": broken}, stopping))
        await crashed.wait()
        stopping.set()
        await running


async def test_one_that_returns_by_itself_is_started_again() -> None:
    """A consumer that ends unasked is as wrong as one that crashes."""
    stopping = asyncio.Event()
    begun = 0

    async def short(_: asyncio.Event) -> None:
        nonlocal begun
        begun += 1
        if begun == 2:
            stopping.set()

    async with asyncio.timeout(10):
        await runner.run({"short": short}, stopping)

    assert begun == 2
