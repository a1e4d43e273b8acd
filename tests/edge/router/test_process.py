"""The router as a process of its own: its snapshot, the log, SIGTERM, what it imports."""

import asyncio
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from bus.connection import Bus, BusSettings
from edge.router.settings import RouterSettings
from schemas.envelope import Aggregate
from schemas.events.function import FunctionDeployed, FunctionRemoved
from tests.edge.router.process import encoded, routing, started
from tests.edge.router.wire import (
    PATIENCE,
    Caller,
    Received,
    calling,
    echo,
    get,
    plain,
    post,
    until,
    upstream,
)

HELLO = Aggregate("local", "alice/hello", "function", "production/hello")
MIB = 1024 * 1024


@pytest.fixture
def settings(run: Path) -> RouterSettings:
    """Return settings of a router without a log."""
    return RouterSettings(home=run / "home", run=run, access_log=run / "access.log")


@pytest.fixture
def following(settings: RouterSettings, bus_settings: BusSettings) -> RouterSettings:
    """Return settings of a router that follows the test's log."""
    return msgspec.structs.replace(settings, nats_url=bus_settings.nats_url, home=bus_settings.home)


def deployed(revision: int) -> FunctionDeployed:
    """Return the fact that a revision of alice's ``hello`` is live."""
    return FunctionDeployed(
        run="01JD8Z6Q5V",
        generation=revision,
        revision=str(revision),
        image="sha256:" + "1" * 64,
        spec="sha256:" + "2" * 64,
        sha="3" * 40,
        label="alice",
        environment="production",
        function="hello",
        upstream=f"unix:fn-{revision}.sock",
    )


async def say(_: Received, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer something that no other upstream says."""
    writer.write(plain(b"other"))


async def first(caller: Caller, body: bytes, request: bytes) -> float:
    """Ask until an answer is ``body``; return the seconds it took."""
    begun = time.monotonic()
    while (await caller.ask(request)).body != body:
        assert time.monotonic() - begun < PATIENCE
    return time.monotonic() - begun


async def test_a_route_change_is_visible_at_once(
    following: RouterSettings, bus: Bus, run: Path
) -> None:
    """function.deployed appended → first answer of the new revision: p50 under 50 ms."""
    async with (
        routing(following) as router,
        upstream(run / "fn-1.sock", echo),
        upstream(run / "fn-2.sock", say),
        calling(router.port) as caller,
    ):
        await bus.log.append(deployed(1), of=HELLO, id="test:0")
        await first(caller, b"GET / ", get())
        took = []
        for change in range(1, 21):
            revision = 1 + change % 2
            await bus.log.append(deployed(revision), of=HELLO, id=f"test:{change}")
            took.append(await first(caller, b"other" if revision == 2 else b"GET / ", get()))
        gone = FunctionRemoved(label="alice", environment="production", function="hello")
        await bus.log.append(gone, of=HELLO, id="test:gone")
        await first(caller, (await caller.ask(get(host="x.localhost"))).body, get())
    assert sorted(took)[10] < 0.05, took


async def test_it_serves_from_its_snapshot_with_the_bus_away(
    following: RouterSettings, bus: Bus, run: Path
) -> None:
    """What was live is served before the log answers, and while it never does."""
    async with upstream(run / "fn-1.sock", echo):
        async with routing(following) as router, calling(router.port) as caller:
            await bus.log.append(deployed(1), of=HELLO, id="test:0")
            await first(caller, b"GET / ", get())
            router.child.send_signal(signal.SIGTERM)
            await asyncio.to_thread(router.child.wait, PATIENCE)
        away = msgspec.structs.replace(following, nats_url="nats://127.0.0.1:1")
        async with routing(away) as router, calling(router.port) as caller:
            assert (await caller.ask(get())).body == b"GET / "
            assert router.child.poll() is None


async def test_it_goes_on_where_its_snapshot_ends(
    following: RouterSettings, bus: Bus, run: Path
) -> None:
    """What changed while the router was down is caught up with."""
    async with upstream(run / "fn-1.sock", echo), upstream(run / "fn-2.sock", say):
        async with routing(following) as router, calling(router.port) as caller:
            await bus.log.append(deployed(1), of=HELLO, id="test:0")
            await first(caller, b"GET / ", get())
            router.child.send_signal(signal.SIGTERM)
            await asyncio.to_thread(router.child.wait, PATIENCE)
        await bus.log.append(deployed(2), of=HELLO, id="test:1")
        async with routing(following) as router, calling(router.port) as caller:
            await first(caller, b"other", get())


async def test_sigterm_finishes_what_runs(settings: RouterSettings, run: Path) -> None:
    """A request in flight gets its answer, then the process ends with 0."""
    go = asyncio.Event()

    async def slow(
        request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await go.wait()
        await echo(request, reader, writer)

    async with (
        upstream(run / "platform.sock", slow) as served,
        routing(settings) as router,
        calling(router.port) as caller,
    ):
        asking = asyncio.create_task(caller.ask(get("/x", host="localhost")))
        await until(lambda: bool(served.requests))
        router.child.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", router.port)
                except OSError:
                    break
                writer.close()
                await asyncio.sleep(0.01)
        go.set()
        answer = await asking
        code = await asyncio.to_thread(router.child.wait, PATIENCE)
    assert (answer.body, answer.headers["connection"], code) == (b"GET /x ", "close", 0)


async def test_an_inherited_socket_is_listened_on(settings: RouterSettings, run: Path) -> None:
    """``up`` binds the port and hands it down: connections wait while no router runs."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
        inherited = msgspec.structs.replace(settings, listen_fd=bound.fileno())
        told = encoded(inherited)
        async with upstream(run / "platform.sock", echo), calling(port) as early:
            await early.send(get("/x", host="localhost"))
            with started(told, bound.fileno()):
                assert (await early.answer()).body == b"GET /x "


async def test_bodies_of_100_mib_pass_in_constant_memory(
    settings: RouterSettings, run: Path
) -> None:
    """100 MiB up to a slow reader and 100 MiB down: the router grows by less than 16 MiB."""
    size, piece = 100 * MIB, bytes(MIB)

    async def both(
        request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        got = 0
        length = int(request.headers["content-length"][0])
        while got < length:
            got += len(await reader.read(65536))
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
        for _ in range(size // MIB):
            writer.write(piece)
            await writer.drain()

    async with (
        upstream(run / "platform.sock", both),
        routing(settings) as router,
        calling(router.port) as caller,
    ):
        await until(lambda: router.memory() > 0)
        before = router.memory()
        head = post(b"", "/x").replace(b"alice.", b"").replace(b"Length: 0", b"Length: %d" % size)
        await caller.send(head)
        for _ in range(size // MIB):
            await caller.send(piece)
        answer = await caller.head()
        peak, got = router.memory(), 0
        while got < size:
            got += len(await caller.reader.read(MIB))
            peak = max(peak, router.memory())
    assert (answer.status, got) == (200, size)
    assert peak - before < 16 * MIB, (before, peak)


def test_the_bus_client_is_not_imported_to_listen() -> None:
    """Neither nats nor an HTTP framework is loaded before the port answers."""
    program = (
        "import sys, edge.router.main; "
        "print([m for m in ('nats','aiohttp','litestar','uvicorn','boto3') if m in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    assert said == "[]\n"


async def test_idle_memory_is_small(settings: RouterSettings) -> None:
    """An idle router stays under 60 MiB."""
    async with routing(settings) as router:
        assert router.memory() < 60 * MIB
