"""Crashes between a ref and its delivery: nothing that moved is forgotten, nothing is twice."""

import asyncio
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bus.connection import Bus
from edge.git.outbox import Outbox
from edge.git.repository import Repository
from schemas.envelope import Aggregate
from schemas.errors import LogUnavailable
from schemas.events.branch import BranchDeleted, BranchPushed
from tests.edge.git.conftest import BRISK, STACK, Served, eventually
from tests.edge.git.playing import PROJECT, REPOSITORY

ZEROS = "0" * 40


class Away:
    """DELIVERIES that can't be reached."""

    def __init__(self, bus: Bus) -> None:
        """Be away, until ``back`` is set; then store on the bus."""
        self.bus = bus
        self.back = False
        self.stored: list[str] = []

    async def store(self, forge: str, id: str, headers: Mapping[str, str], body: bytes) -> int:
        """Store, or raise LogUnavailable."""
        if not self.back:
            raise LogUnavailable("the log did not answer")
        seq = await self.bus.deliveries.store(forge, id, headers, body)
        self.stored.append(id)
        return seq


async def ids(bus: Bus) -> list[str]:
    """Return the ids of all deliveries there are."""
    info = await bus.js.info("DELIVERIES")
    assert info is not None
    last = info["state"]["last_seq"]
    return [(await bus.deliveries.get(seq)).id for seq in range(1, last + 1)]


async def believe(bus: Bus, branch: str, after: str) -> None:
    """Make the log believe that a branch is at ``after``."""
    of = Aggregate("local", PROJECT, "branch", branch)
    fact = (
        BranchDeleted(branch, "1" * 40)
        if after == ZEROS
        else BranchPushed(branch, ZEROS, after, REPOSITORY)
    )
    await bus.log.append(fact, of=of, id=f"test:{branch}:{after}")


async def test_log_away_keeps_the_push(serve: Callable[..., Any], bus: Bus) -> None:
    """While the log is away a push is stored, git exits with 0, and it is built later by itself."""
    away = Away(bus)
    async with serve(deliveries=away) as served:
        clone = await served.clone()
        sha = await clone.commit(stack_yml=STACK)

        result = await clone.git("push", "origin", "main")

        assert result.remote == ["stored; will be built when the log is back"]
        assert (await served.heads())["refs/heads/main"] == sha
        assert await ids(bus) == []
        away.back = True
        await eventually(lambda: away.stored == ["alice/hello:1"])


async def test_crash_between_ref_and_delivery(serve: Callable[..., Any], bus: Bus) -> None:
    """A new process delivers at its start what the old one could not, with the same id."""
    async with serve(deliveries=Away(bus)) as served:
        clone = await served.clone()
        await clone.commit(stack_yml=STACK)
        await clone.git("push", "origin", "main", "main:side")
    assert await ids(bus) == []

    async with serve() as served:
        assert await served.forge.reconcile() == 2
        assert await served.forge.reconcile() == 0
    assert await ids(bus) == ["alice/hello:1", "alice/hello:2"]

    async with serve() as served:
        assert await served.forge.reconcile() == 2  # intake has not been heard of yet
    assert await ids(bus) == ["alice/hello:1", "alice/hello:2"]


async def test_look_at_the_refs_delivers_too(serve: Callable[..., Any], bus: Bus) -> None:
    """Somebody who fetches from a new process sets the missing delivery off."""
    async with serve(deliveries=Away(bus)) as served:
        clone = await served.clone()
        await clone.commit(stack_yml=STACK)
        await clone.git("push", "origin", "main")

    async with serve() as served:
        await served.heads()

        assert await ids(bus) == ["alice/hello:1"]


async def test_what_the_log_knows_is_not_repeated(serve: Callable[..., Any], bus: Bus) -> None:
    """A branch that the log believes where it is needs no delivery; one elsewhere does."""
    async with serve(deliveries=Away(bus)) as served:
        clone = await served.clone()
        sha = await clone.commit(stack_yml=STACK)
        await clone.git("push", "origin", "main", "main:side", "main:gone")
        await clone.git("push", "origin", "--delete", "gone")
    await believe(bus, "main", sha)
    await believe(bus, "side", "1" * 40)
    await believe(bus, "gone", ZEROS)

    async with serve() as served:
        assert await served.forge.reconcile() == 1

    (id,) = await ids(bus)
    number = int(id.rpartition(":")[2])
    state = Repository(served.root, "alice", "hello").read()
    assert state is not None
    assert state.refs["refs/heads/side"].number == number


CHILD = """
import asyncio, os, signal, sys
from pathlib import Path
from edge.git.forge import GitForge
from edge.git import forge as module
from tests.edge.git.conftest import BRISK, TOKEN, serving, url
from edge.auth.people import PLATFORM
from tests.edge.auth.entering import by_password

class Death:
    async def store(self, *parts):
        os.kill(os.getpid(), signal.SIGKILL)

class Log:
    async def head(self):
        return 0
    async def last(self, of, *facts):
        return None

async def main():
    enter = by_password({TOKEN: PLATFORM})
    parts = dict(deliveries=Death(), events=Log(), follow=None, enter=enter, url=url)
    async with serving(GitForge(Path(sys.argv[1]), settings=BRISK, **parts)) as port:
        print(port, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_kill_between_ref_and_delivery(
    serve: Callable[..., Any], bus: Bus, tmp_path: Path
) -> None:
    """With kill -9 in that very moment: the ref has moved, and the next process delivers it."""
    root = Path(__file__).parents[3]
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, str(tmp_path / "git"), cwd=root, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout
    port = int(await asyncio.wait_for(child.stdout.readline(), 60))
    dying = Served(None, tmp_path / "git", port, tmp_path)  # type: ignore[arg-type]
    clone = await dying.clone()
    sha = await clone.commit(stack_yml=STACK)
    failed = await clone.git("push", "origin", "main", code=None)
    assert failed.code
    assert await asyncio.wait_for(child.wait(), 20) == -signal.SIGKILL

    async with serve() as served:
        assert await served.forge.reconcile() == 1
        assert (await served.heads())["refs/heads/main"] == sha

    assert await ids(bus) == ["alice/hello:1"]
    assert not list((tmp_path / "git" / ".incoming").iterdir())


async def test_outbox_gives_up_at_its_end(bus: Bus, tmp_path: Path) -> None:
    """Closing ends the attempts in the background."""
    away = Away(bus)
    outbox = Outbox(away, bus.log)
    outbox.later(Repository(tmp_path, "alice", "hello"))
    outbox.later(Repository(tmp_path, "alice", "hello"))

    await outbox.close()

    await eventually(
        lambda: not [task for task in asyncio.all_tasks() if task.get_name().startswith("outbox")]
    )


@pytest.mark.parametrize("settings", [BRISK])
async def test_numbers_go_on_after_a_restart(
    serve: Callable[..., Any], bus: Bus, settings: Any
) -> None:
    """The counter is the repository's, not the process's."""
    async with serve(settings) as served:
        clone = await served.clone()
        await clone.commit(stack_yml=STACK)
        await clone.git("push", "origin", "main")
    async with serve(settings) as served:
        await clone.commit(a="2")
        await clone.git("push", served.remote(), "main")

    assert await ids(bus) == ["alice/hello:1", "alice/hello:2"]
