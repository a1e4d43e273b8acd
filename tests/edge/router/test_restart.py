"""Routers come and go behind one listening socket, under load: no request is lost."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import msgspec
import pytest

from edge.cli.listen import listener
from edge.router.settings import RouterSettings
from tests.edge.router.conftest import Running, Start
from tests.edge.router.process import PROGRAM, encoded
from tests.edge.router.wire import PATIENCE, Answer, calling, echo, get, post, until, upstream

RESTARTS = 4
CALLERS = 8


class Listening:
    """A router that listens at a socket where others listen too."""

    def __init__(self, settings: RouterSettings, bound: socket.socket) -> None:
        """Start it."""
        reading, writing = os.pipe()
        told = msgspec.structs.replace(settings, listen_fd=bound.fileno(), ready_fd=writing)
        self.child = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            stdin=subprocess.PIPE,
            pass_fds=[bound.fileno(), writing],
        )
        os.close(writing)
        assert self.child.stdin is not None
        self.child.stdin.write(encoded(told))
        self.child.stdin.close()
        with os.fdopen(reading, "rb") as ready:
            assert ready.readline()

    def __enter__(self) -> Self:
        """Be there."""
        return self

    def __exit__(self, *_: object) -> None:
        """Be gone, whatever happened."""
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()

    def end(self) -> int:
        """Tell it to end; return its exit code once its last request has ended."""
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(PATIENCE)


async def call(port: int, done: asyncio.Event, seen: list[Answer], *, keep: bool) -> None:
    """Call until done, on one connection while it lasts or on one each time."""
    while not done.is_set():
        async with calling(port) as caller:
            while not done.is_set():
                request = post(b"x" * 100, "/x") if len(seen) % 2 else get("/x")
                answer = await caller.ask(request.replace(b"alice.", b""))
                seen.append(answer)
                if not keep or answer.headers.get("connection") == "close":
                    break


@pytest.mark.parametrize("keep", [False, True])
async def test_restarted_under_load_without_a_lost_request(run: Path, *, keep: bool) -> None:
    """A new one listens at the same socket before the old one is told to end: all are answered."""
    settings = RouterSettings(home=run, run=run, access_log=run / "access.log")
    seen: list[Answer] = []
    done = asyncio.Event()
    with ExitStack() as stack, socket.create_server(("127.0.0.1", 0), backlog=512) as bound:
        port = bound.getsockname()[1]
        async with upstream(run / "platform.sock", echo):
            old = stack.enter_context(await asyncio.to_thread(Listening, settings, bound))
            calls = (call(port, done, seen, keep=keep) for _ in range(CALLERS))
            callers = [asyncio.create_task(one) for one in calls]
            for restart in range(1, RESTARTS + 1):
                new = stack.enter_context(await asyncio.to_thread(Listening, settings, bound))
                await until(lambda restart=restart: len(seen) > 50 * restart)  # type: ignore[misc]
                assert await asyncio.to_thread(old.end) == 0
                old = new
            done.set()
            await asyncio.gather(*callers)
            assert await asyncio.to_thread(old.end) == 0

    assert {answer.status for answer in seen} == {200}
    assert len(seen) > 50 * RESTARTS


async def test_routers_share_a_port(run: Path) -> None:
    """Two with sockets of their own at one port both serve; one ends, and the other goes on."""
    counts: list[int] = []
    seen: list[Answer] = []
    done = asyncio.Event()
    async with upstream(run / "platform.sock", echo):
        with ExitStack() as stack:
            routers, port = [], 0
            for name in ("one", "other"):
                bound = stack.enter_context(listener("127.0.0.1", port, "listen", shared=True))
                port = bound.getsockname()[1]
                log = run / f"{name}.log"
                settings = RouterSettings(home=run / name, run=run, access_log=log)
                routers.append(stack.enter_context(Listening(settings, bound)))
                bound.close()  # what it holds open would go on getting callers
            callers = [
                asyncio.create_task(call(port, done, seen, keep=False)) for _ in range(CALLERS)
            ]
            await until(lambda: len(seen) > 200)
            assert await asyncio.to_thread(routers[0].end) == 0
            counts.append(len((run / "one.log").read_text().splitlines()))
            at = len(seen)
            await until(lambda: len(seen) > at + 100)
            done.set()
            await asyncio.gather(*callers)
            assert await asyncio.to_thread(routers[1].end) == 0
            counts.append(len((run / "other.log").read_text().splitlines()))

    assert {answer.status for answer in seen} == {200}
    assert min(counts) > 20
    assert sum(counts) == len(seen)


async def test_a_connection_that_just_opened_is_answered(start: Start, run: Path) -> None:
    """Draining began before the first byte came: the request still gets its answer."""

    async def ask(router: Running) -> Answer:
        async with calling(router.port) as caller:
            await until(lambda: bool(router.router.fronts))
            draining.set()
            await until(lambda: router.router.draining)
            return await caller.ask(get())

    draining = asyncio.Event()
    async with upstream(run / "u.sock", echo):
        async with start(drain_timeout=PATIENCE) as running:
            running.route("hello", "unix:u.sock")
            asking = asyncio.create_task(ask(running))
            await draining.wait()
        answer = await asking
    assert (answer.status, answer.headers["connection"]) == (200, "close")
