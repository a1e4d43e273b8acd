"""The access log: a line of JSON a request, sampled, and nobody waits for it."""

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.router.access import AccessLog, Entry
from tests.edge.router.conftest import Start
from tests.edge.router.wire import calling, echo, get, post, upstream


def lines(path: Path) -> list[dict[str, object]]:
    """Return the entries written so far."""
    return [json.loads(line) for line in path.read_text().splitlines()]


async def test_a_request_is_one_line(start: Start, run: Path) -> None:
    """Who, what, how long, by whom it was answered; never the query, where tokens stand."""
    async with (
        start() as running,
        upstream(run / "u.sock", echo),
        calling(running.port) as caller,
    ):
        running.route("hello", "unix:u.sock")
        await caller.ask(post(b"abc", "/hello/sub?token=secret", "X-Call-Id: mine"))
        await caller.ask(get("/nobody?token=secret"))
        await caller.ask(b"nonsense\r\n\r\n")
    served, refused, never = lines(run / "access.log")

    assert served | {"time": "", "ms": 0} == {
        "event": "request_served",
        "time": "",
        "status": 200,
        "ms": 0,
        "bytes": len(b"POST /sub?token=secret abc"),
        "peer": "127.0.0.1",
        "method": "POST",
        "host": "alice.localhost",
        "path": "/hello/sub",
        "call_id": "mine",
        "function": "alice/production/hello",
        "revision": "unix:u.sock",
    }
    assert (refused["status"], refused["cause"]) == (404, "no_function")
    assert (never["status"], never["cause"], never["ms"]) == (400, "bad_request_line", 0.0)
    assert "secret" not in (run / "access.log").read_text()


@pytest.mark.parametrize(("every", "written"), [(1, 20), (5, 4), (0, 0)])
async def test_one_in_so_many_is_logged(start: Start, run: Path, every: int, written: int) -> None:
    """Sampling is by count; none at all is a choice too."""
    async with (
        start(access_log_every=every) as running,
        upstream(run / "u.sock", echo),
        calling(running.port) as caller,
    ):
        running.route("hello", "unix:u.sock")
        for _ in range(20):
            await caller.ask(get())

    assert len(lines(run / "access.log")) == written


async def test_errors_are_always_logged(start: Start, run: Path) -> None:
    """A sampled log still has each answer of 500 and over."""
    async with start(access_log_every=1000, connect_patience=0.0) as running:
        running.route("hello", "unix:nobody.sock")
        async with calling(running.port) as caller:
            for _ in range(3):
                await caller.ask(get())

    assert [one["status"] for one in lines(run / "access.log")] == [503] * 3


async def test_a_reader_that_stops_holds_nobody_up(tmp_path: Path) -> None:
    """A pipe that nobody reads for a while: lines pile up to a bound, the rest is counted."""
    fifo, entries = tmp_path / "fifo", 150_000
    os.mkfifo(fifo)
    reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reading, True)
    log = AccessLog(fifo, every=1)

    for number in range(entries):
        log.add(Entry(datetime.now(UTC), 200, 0.1, number, "127.0.0.1", path="/" + "x" * 100))
        if number % 1000 == 0:
            log.flush()
    with os.fdopen(reading, "rb") as pipe:
        read = asyncio.create_task(asyncio.to_thread(pipe.read))
        await asyncio.wait_for(log.close(), 60)
        told = [json.loads(line) for line in (await read).splitlines()]

    dropped = sum(one["lines"] for one in told if one["event"] == "access_lines_dropped")
    assert dropped > 0
    assert dropped + sum(one["event"] == "request_served" for one in told) == entries
