"""`up` killed with SIGKILL at each step of a push, and started again."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests.laptop import Laptop, commit, laptop, repository, saying
from tests.watch import deliveries, seen

ONCE: Final = (
    "branch.pushed",
    "run.queued",
    "run.resolved",
    "run.archived",
    "run.built",
    "function.deployed",
    "run.finished",
)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """Yield a Pushline that is killed again and again."""
    with laptop(tmp_path_factory.mktemp("here")) as found:
        yield found


async def delivered(here: Laptop, before: Counter[str]) -> None:
    """Wait until the second push is in DELIVERIES."""
    await deliveries(here.home, more_than=before["delivery.translated"] + 1)


async def queued(here: Laptop, before: Counter[str]) -> None:
    """Wait until the second push's run is queued."""
    await second(here, before, "run.queued")


async def building(here: Laptop, before: Counter[str]) -> None:
    """Wait until the second push's function is being built."""
    await second(here, before, "run.build-started")


async def built(here: Laptop, before: Counter[str]) -> None:
    """Wait until it is built; the builder's acknowledgement is still to come."""
    await second(here, before, "run.built")


async def process_started(here: Laptop, before: Counter[str]) -> None:
    """Wait until the new revision's process runs, two seconds before it is ready."""
    await second(here, before, "function.deploy-started")
    assert len(revisions(here)) == 1
    await asyncio.to_thread(here.wait, lambda: len(revisions(here)) == 2, "a second revision")


async def second(here: Laptop, before: Counter[str], fact: str) -> None:
    """Wait for this fact of the second push."""
    await seen(here.home, fact, count=before[fact] + 2)


def revisions(here: Laptop) -> set[str]:
    """Return the function processes."""
    return {line for line in here.survivors() if "index.py" in line}


def counted(here: Laptop) -> Counter[str]:
    """Return how often each fact is in the log."""
    return Counter(event["type"].partition("/")[0] for event in here.events())


POINTS: Final[dict[str, Callable[[Laptop, Counter[str]], Awaitable[None]]]] = {
    "delivery": delivered,
    "queued": queued,
    "building": building,
    "built": built,
    "started": process_started,
}


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.timeout(240)
async def test_killed_anywhere_a_push_ends_live_once(
    here: Laptop, tmp_path: Path, point: str
) -> None:
    """`kill -9` of up at this step, up again: the newest commit is live, each fact there once."""
    before = counted(here)
    work = repository(tmp_path / "work", {"hello/handler.py": saying(f"{point} one")})
    await asyncio.to_thread(here.push, work)
    await here.answers("hello", f"{point} one")
    here.wait(lambda: len(revisions(here)) == 1, "one revision")
    port = here.port
    commit(work, {"hello/handler.py": saying(f"{point} two", start=2.0)})

    reached = asyncio.ensure_future(POINTS[point](here, before))
    git = here.pushing(work)
    await reached
    here.kill()
    git.communicate(timeout=60)
    here.start(port)
    await here.answers("hello", f"{point} two")
    await second(here, before, "run.finished")

    made = counted(here) - before
    assert {name: made[name] for name in ONCE} == dict.fromkeys(ONCE, 2), here.events()
    assert made["function.deploy-failed"] == made["run.build-failed"] == 0
    outcomes = [e["fact"]["outcome"] for e in here.events() if e["type"] == "run.finished/1"]
    assert outcomes[-2:] == ["live", "live"]


@pytest.mark.timeout(240)
async def test_all_that_was_live_is_live_after_a_kill(tmp_path: Path) -> None:
    """Three functions answer again after SIGKILL and a new start, without a push."""
    stack = "version: 1.0\nprovider:\n  name: openfaas\nfunctions:\n" + "".join(
        f"  {name}:\n    lang: python3-http\n    handler: ./{name}\n    image: {name}\n"
        for name in ("one", "two", "three")
    )
    files = {f"{name}/handler.py": saying(name) for name in ("one", "two", "three")}
    with laptop(tmp_path) as here:
        work = repository(tmp_path / "work", files, stack)
        await asyncio.to_thread(here.push, work)
        here.kill()
        here.start()
        for name in ("one", "two", "three"):
            await here.answers(name, name)
        deployed = [e for e in here.events() if e["type"] == "function.deployed/1"]
        assert len(deployed) == 3


@pytest.mark.timeout(240)
async def test_a_killed_child_comes_back(here: Laptop, tmp_path: Path) -> None:
    """Each child of up is killed by itself; the function answers again, and a push goes through."""
    work = repository(tmp_path / "work", {"hello/handler.py": saying("each")})
    await asyncio.to_thread(here.push, work)
    await here.answers("hello", "each")
    for child in ("supervisor", "platform", "router", "nats-server"):
        kill_child(here, child)
        await here.answers("hello", "each")
    commit(work, {"hello/handler.py": saying("three")})
    await asyncio.to_thread(push_patiently, here, work)
    await here.answers("hello", "three")


def kill_child(here: Laptop, name: str) -> None:
    """Kill one child of up by its pid file."""
    assert here.process
    for child in psutil.Process(here.process.pid).children():
        if any(name in part for part in child.cmdline()):
            os.kill(child.pid, signal.SIGKILL)
            return
    raise AssertionError(f"up has no child {name}")


def push_patiently(here: Laptop, work: Path) -> None:
    """Push, again while the platform is coming back."""
    said = ""
    for _ in range(20):
        with here.pushing(work) as git:
            said = git.communicate(timeout=60)[0]
        if git.returncode == 0:
            return
    raise AssertionError(said + here.log())
