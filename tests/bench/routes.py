"""Route changes under load: from the fact in the log to the first answer of the new revision.

Two routers follow the log, each asked without a pause; then the log's server is killed under the
same load, started again, and one more change has to come through. No request may fail.
"""

import asyncio
import functools
import os
import signal
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack, suppress
from pathlib import Path
from typing import Final, NamedTuple

import uvloop

from bus import streams
from bus.connection import Bus, connect
from bus.server import find_binary
from bus.settings import BusSettings
from edge.cli import logs
from schemas.envelope import Aggregate
from schemas.errors import LogUnavailable
from schemas.events.function import FunctionDeployed
from tests.bench.behind import field
from tests.bench.ingest import CONFIGURATION
from tests.bench.ours import LABEL, started_with
from tests.bench.peers import Place
from tests.bench.process import LOAD_CORE, SERVER_CORE, Program, free_port, running
from tests.bench.report import Goal, How, Report, say
from tests.bench.trials import PATIENCE, Ends, asking, calling

CHANGES: Final = 200
ROUTERS: Final = 2
CALLERS: Final = 4  # of each router
AWAY: Final = 3.0  # seconds that the log's server is gone
HELLO: Final = Aggregate("local", "alice/hello", "function", "production/hello")


class Log(NamedTuple):
    """The log's server: how it is started again, and its port."""

    configuration: Path
    port: int


class Load:
    """Asks without a pause, and counts what was not answered as it should be."""

    def __init__(self, ports: list[int]) -> None:
        """Ask these routers."""
        self.ports = ports
        self.asked = self.failed = 0
        self.over = False

    async def call(self, port: int) -> None:
        """Ask over one connection, and over a new one when that ends."""
        while not self.over:
            async with calling(port) as (reader, writer):
                while not self.over:
                    self.asked += 1
                    try:
                        await ask(reader, writer)
                    except (ConnectionError, asyncio.IncompleteReadError, TimeoutError, ValueError):
                        self.failed += 1
                        break
                    await asyncio.sleep(0.001)


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Return the body of one answer; ValueError where it is not 200."""
    writer.write(asking("GET /hello"))
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
    body = await reader.readexactly(int(field(head, b"content-length")))
    if not head.startswith(b"HTTP/1.1 200"):
        raise ValueError(head.partition(b"\r\n")[0])
    return body


def run(how: How) -> Report:
    """Return what was seen."""
    logs.configure("bench", level="error", format="json")
    os.sched_setaffinity(0, {LOAD_CORE})
    log = Log(how.folder / "nats.conf", free_port())
    log.configuration.write_text(CONFIGURATION.format(port=log.port, store=how.folder / "store"))
    with ExitStack() as stack:
        server = start_log(stack, log, how.folder)
        url = f"nats://127.0.0.1:{log.port}"
        bus = BusSettings(nats_url=url, home=how.folder / "home")
        asyncio.run(streams.init(bus))
        behind = []
        for revision in (1, 2):
            behind.append(free_port())
            command = [sys.executable, "-m", "tests.bench.behind", str(behind[-1]), str(revision)]
            stack.enter_context(running(command, behind[-1], how.folder, LOAD_CORE))
        ports = []
        for number in range(ROUTERS):
            at = Place(how.folder / f"router-{number}", free_port(), 0)
            at.folder.mkdir()
            command, told = started_with(at, nats_url=url)
            stack.enter_context(running(command, at.port, at.folder, SERVER_CORE, told))
            ports.append(at.port)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            restart = functools.partial(start_log, stack, log, how.folder)
            goals = runner.run(trial(bus, ports, behind, server, restart))
    return Report("routes", how.machine, {}, goals)


def start_log(stack: ExitStack, log: Log, folder: Path) -> Program:
    """Start the log's server."""
    command: list[str | Path] = [find_binary(), "-c", log.configuration]
    return stack.enter_context(running(command, log.port, folder, LOAD_CORE))


async def trial(
    settings: BusSettings,
    ports: list[int],
    behind: list[int],
    server: Program,
    restart: Callable[[], Program],
) -> list[Goal]:
    """Change routes under load, then take the log away; return the goals."""
    load = Load(ports)
    async with connect(settings, name="bench") as bus, AsyncExitStack() as stack:
        probes = [await stack.enter_async_context(calling(port)) for port in ports]
        await switch(bus, 0, behind[0])
        for probe in probes:
            await first(*probe, b"1")
        callers = [asyncio.create_task(load.call(port)) for port in ports for _ in range(CALLERS)]
        took = await changed(bus, behind, probes)
        say(f"the log's server is killed, and comes back after {AWAY:g} s")
        os.kill(server.pid, signal.SIGKILL)
        await asyncio.sleep(AWAY)
        await asyncio.to_thread(restart)
        begun = time.monotonic()
        await switch(bus, CHANGES + 1, behind[1 - CHANGES % 2])
        for probe in probes:
            await first(*probe, str(2 - CHANGES % 2).encode())
        back = time.monotonic() - begun
        load.over = True
        await asyncio.gather(*callers)
    took.sort()
    say(f"half of the changes came through within {statistics.median(took):.1f} ms")
    return [
        Goal(
            f"change to first answer, p99 of {len(took)}",
            50.0,
            took[len(took) * 99 // 100],
            "ms",
            at_least=False,
        ),
        Goal("requests failed", 0, load.failed, f"of {load.asked}", at_least=False),
        Goal("change after the log came back", 5000.0, back * 1000, "ms", at_least=False),
    ]


async def changed(bus: Bus, behind: list[int], probes: list[Ends]) -> list[float]:
    """Return the milliseconds of each change, by each router."""
    took: list[float] = []
    for change in range(1, CHANGES + 1):
        revision = change % 2
        begun = time.monotonic()
        asked = [asyncio.create_task(first(*probe, str(revision + 1).encode())) for probe in probes]
        await switch(bus, change, behind[revision])
        took += [(at - begun) * 1000 for at in await asyncio.gather(*asked)]
    return took


async def switch(bus: Bus, change: int, port: int) -> None:
    """Append the fact that a revision is live; for as long as it takes."""
    fact = FunctionDeployed(
        run="01JD8Z6Q5V",
        generation=change + 1,
        revision=str(change),
        image="sha256:" + "1" * 64,
        spec="sha256:" + "2" * 64,
        sha="3" * 40,
        label=LABEL,
        environment="production",
        function="hello",
        upstream=f"127.0.0.1:{port}",
    )
    while True:
        try:
            await bus.log.append(fact, of=HELLO, id=f"bench:{change}")
        except LogUnavailable:
            await asyncio.sleep(0.05)  # the server is not back yet
        else:
            return


async def first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, word: bytes) -> float:
    """Ask until the answer is ``word``; return the time of this machine's clock."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(ValueError):  # nobody answers there yet
                if await ask(reader, writer) == word:
                    return time.monotonic()
