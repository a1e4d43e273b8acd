"""What the pusher's terminal shows: a real push, a real log, and the test as all the workers."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

from bus.connection import Bus
from edge.git import narrate
from edge.git.forge import GitSettings
from edge.git.narrate import Patience
from schemas.envelope import Aggregate, Recorded
from schemas.errors import Gap
from schemas.events import Event
from schemas.events.branch import BranchPushOutdated
from schemas.events.delivery import DeliveryIgnored
from schemas.events.function import FunctionDeployFailed, FunctionDeployStarted
from schemas.events.run import (
    Problem,
    RunBuildFailed,
    RunBuildStarted,
    RunCancelled,
    RunDelayed,
    RunFinished,
    RunRejected,
    RunResolved,
    RunSuperseded,
)
from tests.edge.git.conftest import STACK, Served, eventually
from tests.edge.git.playing import DIGEST, PROJECT, Mailbox, Workers

LONG = GitSettings(patience=Patience(queued=30, silence=60, whole=60))


def working() -> list[str]:
    """Return the forge's own coroutines that run as tasks."""
    codes = (getattr(task.get_coro(), "cr_code", None) for task in asyncio.all_tasks())
    forge = Path(narrate.__file__).parent
    return [code.co_name for code in codes if code and forge in Path(code.co_filename).parents]


class Pushing:
    """One git push under way, with the workers to be played."""

    def __init__(self, served: Served, mailbox: Mailbox, bus: Bus) -> None:
        """Push to ``served``."""
        self.served = served
        self.mailbox = mailbox
        self.workers = Workers(bus)

    async def begin(self) -> None:
        """Start git and wait for its delivery."""
        clone = await self.served.clone()
        self.workers.sha = await clone.commit(stack_yml=STACK)
        self.process = await clone.start("push", "origin", "main")
        self.delivery = await self.mailbox.next()

    async def lines(self, code: int = 0) -> list[str]:
        """Wait for git to exit with ``code``; return the forge's lines."""
        said, _ = await asyncio.wait_for(self.process.communicate(), 30)
        assert self.process.returncode == code, said.decode()
        lines = said.decode().replace("\r", "\n").splitlines()
        return [line[8:].rstrip() for line in lines if line.startswith("remote: ")]


async def pushed(
    serve: Callable[..., Any], bus: Bus, play: Callable[[Pushing], Any], settings: Any = LONG
) -> list[str]:
    """Push, let ``play`` write the facts, return what git showed."""
    mailbox = Mailbox(bus)
    async with serve(settings, deliveries=mailbox) as served:
        pushing = Pushing(served, mailbox, bus)
        await pushing.begin()
        await play(pushing)
        return await pushing.lines()


async def test_a_push_that_goes_live(serve: Callable[..., Any], bus: Bus) -> None:
    """Each step is a line, the last of them where the function answers; then git is done."""
    runs: list[str] = []

    async def play(pushing: Pushing) -> None:
        await pushing.workers.queue(pushing.delivery, generation=3)
        await pushing.workers.deploy()
        runs.append(pushing.workers.run)

    lines = await pushed(serve, bus, play)

    shape = [re.sub(r"[0-9]+\.[0-9] s", "N s", line) for line in lines]
    assert shape == [
        f"queued run {runs[0]} (production, generation 3)",
        "building hello …",
        "built hello (N s, cached)",
        "deploying hello …",
        "live at http://alice.localhost:8080/hello (N s)",
    ]


async def test_a_build_that_fails(serve: Callable[..., Any], bus: Bus) -> None:
    """The end of the build's log is shown without escapes, and the push itself has succeeded."""

    async def play(pushing: Pushing) -> None:
        await pushing.workers.queue(pushing.delivery)
        failed = RunBuildFailed("hello", "build_failed", "pip failed", ("one", "\x1b[31mtwo"))
        await pushing.workers.of(
            RunBuildStarted("hello"), failed, RunFinished("failed", "hello does not build")
        )

    lines = await pushed(serve, bus, play)

    assert lines[2:5] == ["error: hello does not build: pip failed", "  | one", "  |  [31mtwo"]
    assert lines[-1].endswith(": hello does not build")


async def test_a_run_that_waits(serve: Callable[..., Any], bus: Bus) -> None:
    """The pusher learns what is away, and need do nothing."""

    async def play(pushing: Pushing) -> None:
        await pushing.workers.queue(pushing.delivery)
        delayed = RunDelayed("source", "blobs_unavailable", "nobody answers at 10.0.0.7")
        await pushing.workers.of(delayed, RunFinished("empty"))

    lines = await pushed(serve, bus, play)

    assert lines[1] == "source waits: nobody answers at 10.0.0.7; it goes on by itself"


async def test_other_ends(serve: Callable[..., Any], bus: Bus) -> None:
    """Superseded, cancelled, rejected, not started: each end is told, and git comes back."""
    ends: dict[str, tuple[Event, ...]] = {
        "superseded by run 01NEW: a newer push took its place": (RunSuperseded("01NEW"),),
        "was cancelled by bob": (RunCancelled("bob"),),
        "error: stack.yml:7: no such handler": (
            RunRejected("1" * 40, (Problem("no such handler", line=7),)),
        ),
        "error: hello was not deployed: it exits": (
            FunctionDeployStarted("", 1, "r", DIGEST),
            FunctionDeployFailed("", 1, "r", "x", "it exits"),
            RunFinished("failed"),
        ),
        "warning: stack.yml: odd": (
            RunResolved("1" * 40, ("hello",), (Problem("odd"),)),
            RunFinished("live"),
        ),
        "nothing to deploy": (RunFinished("empty"),),
    }
    mailbox = Mailbox(bus)
    async with serve(LONG, deliveries=mailbox) as served:
        clone = await served.clone()
        for number, (wanted, facts) in enumerate(ends.items()):
            pushing = Pushing(served, mailbox, bus)
            await clone.commit(stack_yml=STACK, a=str(number))
            pushing.process = await clone.start("push", "origin", "main")
            pushing.delivery = await mailbox.next()
            await pushing.workers.queue(pushing.delivery)
            await pushing.workers.of(*facts)

            lines = await pushing.lines()

            assert [line for line in lines if wanted in line], (wanted, lines)


async def test_deliveries_that_set_nothing_off(serve: Callable[..., Any], bus: Bus) -> None:
    """An ignored delivery and an outdated push end the waiting with their reason."""

    async def ignored(pushing: Pushing) -> None:
        of = Aggregate("local", "", "delivery", pushing.delivery.id)
        await pushing.workers.write(DeliveryIgnored("push", "odd"), of, pushing.delivery)

    assert await pushed(serve, bus, ignored) == ["not built: odd"]


async def test_outdated_push(serve: Callable[..., Any], bus: Bus) -> None:
    """A push that the branch has left already is told so."""

    async def outdated(pushing: Pushing) -> None:
        of = Aggregate("local", PROJECT, "branch", "main")
        fact = BranchPushOutdated("main", "0" * 40, "1" * 40, "2" * 40)
        await pushing.workers.write(fact, of, pushing.delivery)

    assert await pushed(serve, bus, outdated) == ["not built: main has moved on to 22222222"]


async def test_silence_is_broken(serve: Callable[..., Any], bus: Bus) -> None:
    """While nothing happens a line says what is being waited for, again and again."""
    settings = GitSettings(patience=Patience(queued=30, silence=0.2, whole=60))

    async def play(pushing: Pushing) -> None:
        await pushing.workers.queue(pushing.delivery)
        await pushing.workers.of(RunBuildStarted("hello"))
        seen = b""
        assert pushing.process.stdout
        while seen.count(b"still building hello (") < 2:
            seen += await asyncio.wait_for(pushing.process.stdout.read(1000), 20)
        await pushing.workers.deploy()

    lines = await pushed(serve, bus, play, settings)

    assert lines[-1].startswith("live at")


async def test_long_run_is_left_alone(serve: Callable[..., Any], bus: Bus) -> None:
    """After the limit git comes back with success and the way to see the rest."""
    settings = GitSettings(patience=Patience(queued=30, silence=20, whole=1))
    runs: list[str] = []

    async def play(pushing: Pushing) -> None:
        await pushing.workers.queue(pushing.delivery)
        runs.append(pushing.workers.run)

    lines = await pushed(serve, bus, play, settings)

    assert lines[-1] == f"still running (see: pushline run show {runs[0]})"


async def test_broken_log_does_not_fail_the_push(serve: Callable[..., Any], bus: Bus) -> None:
    """When the log can't be followed the terminal says so; the ref has moved, git exits with 0."""

    async def broken(*, after: int) -> AsyncGenerator[Recorded[Event], None]:
        async for event in bus.follow.events(after=0, until=0):
            yield event
        raise Gap(f"{after + 1} is missing")

    async with serve(LONG, follow=broken) as served:
        clone = await served.clone()
        sha = await clone.commit(stack_yml=STACK)

        result = await clone.git("push", "origin", "main")

        assert result.remote[-1].startswith("error: the log can't be followed: 1 is missing")
        assert (await served.heads())["refs/heads/main"] == sha


async def test_ctrl_c_ends_the_lines_only(serve: Callable[..., Any], bus: Bus) -> None:
    """SIGINT in mid-stream: git ends, the ref stays, nobody follows the log any more."""
    open_now: list[int] = []

    async def counted(*, after: int) -> AsyncGenerator[Recorded[Event], None]:
        open_now.append(after)
        events = bus.follow.events(after=after)
        try:
            async for event in events:
                yield event
        finally:
            await events.aclose()
            open_now.remove(after)

    mailbox = Mailbox(bus)
    async with serve(LONG, deliveries=mailbox, follow=counted) as served:
        pushing = Pushing(served, mailbox, bus)
        await pushing.begin()
        await pushing.workers.queue(pushing.delivery)
        assert pushing.process.stdout
        assert b"queued run" in await asyncio.wait_for(pushing.process.stdout.read(1000), 20)
        assert open_now
        assert working()

        os.killpg(pushing.process.pid, signal.SIGINT)
        await asyncio.wait_for(pushing.process.wait(), 20)

        await eventually(lambda: not open_now)
        assert (await served.heads())["refs/heads/main"] == pushing.workers.sha
        await eventually(lambda: not working())
        assert not list((served.root / ".incoming").iterdir())
