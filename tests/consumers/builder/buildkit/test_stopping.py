"""Builds that do not get to their end: cancelled, or with their daemon killed."""

import asyncio
import os
import secrets
import signal
import time
from pathlib import Path

import pytest

from consumers.builder.buildkit import (
    BuildkitError,
    Client,
    FolderContext,
    Log,
    Progress,
    Solve,
    Unavailable,
)
from tests.consumers.builder.buildkit.conftest import Folder
from tests.consumers.builder.buildkit.kitchen import build
from tests.heavy.engines import started

LONG = 25  # seconds that a step takes which is not let finish


def running(word: str) -> bool:
    """Tell whether a process on this machine has a word among its arguments."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if word.encode() in (process / "cmdline").read_bytes():
                return True
        except OSError:
            continue  # it has ended meanwhile
    return False


async def until(gone: str, within: float) -> float:
    """Return after how many seconds no process has the word any more."""
    start = time.monotonic()
    while running(gone):
        assert time.monotonic() - start < within, f"{gone} still runs"
        await asyncio.sleep(0.02)
    return time.monotonic() - start


async def begun(client: Client, made: Path) -> asyncio.Task[object]:
    """Return a build whose long step has said its first word."""
    heard = asyncio.Event()

    def listen(progress: Progress) -> None:
        if isinstance(progress, Log):
            heard.set()

    context = FolderContext(made)

    async def work() -> object:
        async with client.session(contexts={"context": context, "dockerfile": context}) as session:
            return await client.solve(Solve(session=session), listen)

    task = asyncio.create_task(work())
    await asyncio.wait_for(heard.wait(), 30)
    return task


async def test_cancelling_stops_the_build_at_once(client: Client, folder: Folder) -> None:
    """The step's processes are gone soon after the task was cancelled; the next build is fine."""
    word = f"{LONG}.{secrets.randbelow(10**9):09}"
    made = folder(f"RUN echo {word}; busybox sleep {word}\n")
    building = await begun(client, made)
    assert running(word)

    building.cancel()
    with pytest.raises(asyncio.CancelledError):
        await building

    assert await until(word, 10) < 5
    (made / "Dockerfile").write_text("FROM scratch\nCOPY busybox /\n")
    await build(client, FolderContext(made))


async def test_an_engine_killed_in_mid_build(folder: Folder) -> None:
    """The build ends soon, is worth another try, and so is whatever is asked afterwards."""
    made = folder(f"RUN echo {os.urandom(8).hex()}; busybox sleep {LONG}\n")
    with started(snapshotter=True) as engine:
        async with Client.connect(engine.url) as client:
            building = await begun(client, made)

            engine.process.send_signal(signal.SIGKILL)
            with pytest.raises(Unavailable) as caught:
                await asyncio.wait_for(building, 10)

            assert caught.value.retryable
            engine.process.wait(10)
            with pytest.raises(Unavailable):
                await client.workers()
        with pytest.raises(Unavailable):
            async with Client.connect(engine.url):
                pass


async def test_an_engine_stopped_in_mid_build(folder: Folder) -> None:
    """An engine that is told to stop cancels its builds; that is no fault of theirs."""
    made = folder(f"RUN echo {os.urandom(8).hex()}; busybox sleep {LONG}\n")
    with started(snapshotter=False) as engine:
        async with Client.connect(engine.url) as client:
            building = await begun(client, made)

            engine.process.send_signal(signal.SIGTERM)
            with pytest.raises(BuildkitError) as caught:
                await asyncio.wait_for(building, 30)

            assert caught.value.retryable
