"""Who looks on while a Pushline works: tails in terminals and over HTTP, and a flood of events."""

import asyncio
import contextlib
import json
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from bus.connection import connect
from bus.server import credentials
from bus.settings import BusSettings
from schemas.envelope import Aggregate
from schemas.events.delivery import DeliveryIgnored
from tests.laptop import PUSHLINE, ROOT, Laptop

PATIENCE: Final = 60.0  # seconds
AT_ONCE: Final = 32  # appends under way

_SEQ: Final = re.compile(rb'"seq":(\d+)')


@dataclass
class Watcher:
    """What one of them has seen, and when."""

    name: str
    seen: list[tuple[int, float]] = field(default_factory=list)  # sequence, monotonic seconds

    @property
    def seqs(self) -> list[int]:
        """Return the sequences, in the order in which they came."""
        return [seq for seq, _ in self.seen]

    @property
    def last(self) -> int:
        """Return the last one, 0 for none."""
        return self.seen[-1][0] if self.seen else 0

    def saw(self, line: bytes) -> None:
        """Note an event in JSON."""
        if found := _SEQ.search(line):
            self.seen.append((int(found[1]), time.monotonic()))


@contextlib.asynccontextmanager
async def terminal(here: Laptop, noun: str, after: int) -> AsyncIterator[Watcher]:
    """Yield what ``pushline NOUN tail -f`` shows."""
    command = [*PUSHLINE, noun, "tail", "-f", "--json", "--after", str(after)]
    process = await asyncio.create_subprocess_exec(
        *command, "--home", str(here.home), cwd=ROOT, stdout=asyncio.subprocess.PIPE, limit=2**20
    )
    watcher = Watcher(f"{noun} tail")
    task = asyncio.create_task(_lines(process.stdout, watcher))
    try:
        yield watcher
    finally:
        process.send_signal(signal.SIGINT)
        await process.wait()
        await task


async def _lines(lines: asyncio.StreamReader | None, watcher: Watcher) -> None:
    assert lines
    while line := await lines.readline():
        watcher.saw(line)


@contextlib.asynccontextmanager
async def over_http(here: Laptop, path: str, after: int) -> AsyncIterator[Watcher]:
    """Yield what server-sent events bring, through the router; resumed as browsers do."""
    watcher = Watcher(path)
    task = asyncio.create_task(_browsed(here, path, after, watcher))
    try:
        yield watcher
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _browsed(here: Laptop, path: str, after: int, watcher: Watcher) -> None:
    timeout = aiohttp.ClientTimeout(total=None)
    while True:
        headers = {"Authorization": here.basic(), "Last-Event-ID": str(watcher.last or after)}
        url = f"http://127.0.0.1:{here.port}{path}"
        with contextlib.suppress(aiohttp.ClientError):
            async with (
                aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
                session.get(url) as answer,
            ):
                async for line in answer.content:
                    if line.startswith(b"data: {"):
                        watcher.saw(line)
        await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def watching(here: Laptop, after: int) -> AsyncIterator[list[Watcher]]:
    """Yield two terminals and a browser, once each of them shows what comes."""
    async with contextlib.AsyncExitStack() as stack:
        watchers = [
            await stack.enter_async_context(terminal(here, "events", after)),
            await stack.enter_async_context(terminal(here, "audit", after)),
            await stack.enter_async_context(over_http(here, "/api/events/tail", after)),
        ]
        await all_saw(here, watchers, await flood(here, 5, 50))
        yield watchers


async def all_saw(here: Laptop, watchers: list[Watcher], appended: dict[int, float]) -> None:
    """Wait until each of them has seen the last of what was appended."""
    last, deadline = max(appended), time.monotonic() + PATIENCE
    while min(watcher.last for watcher in watchers) < last:
        told = {watcher.name: watcher.last for watcher in watchers}
        assert time.monotonic() < deadline, f"{told}, not {last}\n{here.log()}"
        await asyncio.sleep(0.01)


async def flood(here: Laptop, count: int, rate: float) -> dict[int, float]:
    """Append events at a rate, whatever happens to the server; return when each was, by seq."""
    passwords = credentials(here.home / "nats" / "credentials.json")
    settings = BusSettings(
        nats_url=here.endpoint()["log"],
        user="platform",
        password=passwords["platform"],
        home=here.home.parent / "flood",
    )
    appended: dict[int, float] = {}
    word, places = f"{time.monotonic_ns()}", asyncio.Semaphore(AT_ONCE)
    async with connect(settings, name="flood") as bus, asyncio.TaskGroup() as group:

        async def append(number: int) -> None:
            of = Aggregate("local", "", "delivery", f"flood-{word}-{number}")
            fact, begun = DeliveryIgnored(kind="flood", reason=str(number)), time.monotonic()
            seq = await bus.log.append(fact, of=of, id=f"flood:{word}:{number}", actor="flood")
            appended[seq] = begun
            places.release()

        begun = time.monotonic()
        for number in range(count):
            await places.acquire()
            await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
            group.create_task(append(number))
    return appended


def server_of(here: Laptop) -> int:
    """Return the pid of the log's server."""
    return int(json.loads((here.home / "pids" / "nats-server.json").read_text())["pid"])


async def killed(here: Laptop, times: int, pause: float) -> None:
    """Kill the log's server again and again, each time once `up` has started it anew."""
    for _ in range(times):
        victim = server_of(here)
        await asyncio.sleep(pause)
        os.kill(victim, signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE
        while _pid(here) in (victim, 0):
            assert time.monotonic() < deadline, here.log()
            await asyncio.sleep(0.02)


def _pid(here: Laptop) -> int:
    with contextlib.suppress(OSError, ValueError):
        return server_of(here)
    return 0


def waits(watcher: Watcher, appended: dict[int, float]) -> Iterator[float]:
    """Yield for how many milliseconds each event was on its way to somebody's eyes."""
    for seq, when in watcher.seen:
        if seq in appended:
            yield (when - appended[seq]) * 1000
