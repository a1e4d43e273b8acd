"""A child process is replaced by another while it finishes what it does."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.cli import processes
from edge.cli.processes import Child

PROGRAM = """
import os, signal, sys, time
folder = sys.argv[1]
sys.stdin.read()
if os.path.exists(folder + "/broken"):
    sys.exit(3)
signal.signal(signal.SIGTERM, lambda *_: None)
open(f"{folder}/{os.getpid()}.up", "w").close()
signal.pause()
while os.path.exists(folder + "/busy"):
    time.sleep(0.01)
"""


@pytest.fixture
async def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Child]:
    """Yield a child that is watched, and that ends when SIGTERM has come and it is not busy."""
    monkeypatch.setattr(processes, "TRIAL", 0.3)
    pids = tmp_path / "pids"
    pids.mkdir()
    argv = (sys.executable, "-c", PROGRAM, str(tmp_path))
    made = Child(name="router", argv=argv, pids=pids)
    await made.start()
    await made.tell(b"settings")
    watching = asyncio.create_task(made.watch())
    await up(tmp_path, made.pid)
    yield made
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
    (tmp_path / "busy").unlink(missing_ok=True)
    await made.stop()


async def up(folder: Path, pid: int) -> None:
    """Wait until a process has begun."""
    async with asyncio.timeout(15):
        while not (folder / f"{pid}.up").exists():  # noqa: ASYNC110 - a process has no event
            await asyncio.sleep(0.01)


def recorded(child: Child) -> str:
    """Return the pid file as it stands."""
    return (child.pids / "router.json").read_text()


async def test_the_old_one_finishes_while_the_new_one_serves(child: Child, tmp_path: Path) -> None:
    """Both run for a while; the old one's end is no crash, and nothing is started for it."""
    (tmp_path / "busy").touch()
    old = child.pid

    await child.renew()
    await up(tmp_path, child.pid)

    assert child.pid != old
    assert str(child.pid) in recorded(child)
    assert processes.started(old)
    (tmp_path / "busy").unlink()
    async with asyncio.timeout(15):
        await asyncio.gather(*child.leaving)
    assert not processes.started(old)
    assert child.restarts == 0


async def test_a_new_one_that_crashes_later_is_started_again(child: Child, tmp_path: Path) -> None:
    """It is watched from the moment it has taken the other's place."""
    (tmp_path / "busy").touch()
    await child.renew()
    await up(tmp_path, child.pid)
    crashed = child.pid
    os.kill(crashed, 9)
    async with asyncio.timeout(15):
        while child.pid in (0, crashed):  # noqa: ASYNC110 - a process has no event
            await asyncio.sleep(0.01)
    await up(tmp_path, child.pid)

    assert child.restarts == 1


async def test_a_new_one_that_cannot_run_changes_nothing(child: Child, tmp_path: Path) -> None:
    """What serves goes on serving, under its own pid file."""
    old = child.pid
    (tmp_path / "broken").touch()

    await child.renew()

    assert child.pid == old
    assert processes.started(old)
    assert str(old) in recorded(child)
    assert not child.leaving
    assert child.restarts == 0
