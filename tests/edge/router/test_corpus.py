"""The corpus against the real process: refused, or harmless by what other parsers saw arrive."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio

from bus.fold import Fold
from edge.router import causes, routes
from edge.router.causes import Cause
from edge.router.routes import Route
from edge.router.settings import RouterSettings
from tests.edge.router.corpus import Case, load
from tests.edge.router.process import routing
from tests.edge.router.recorder import Recorder, recording
from tests.edge.router.wire import PATIENCE, Answer, Caller, calling, get

pytestmark = pytest.mark.asyncio(loop_scope="module")

CASES = load()
CAUSES = {one.name: one for one in vars(causes).values() if isinstance(one, Cause)}
ENDS = frozenset((301, 400, 413, 417, 431, 505))  # statuses after which nothing more is read
SOCKET = "fn.sock"
LIVE = {
    "alice/production": ("hello", "healthz"),
    "alice/pr-1": ("hello",),
    "git/production": ("tarball",),
}


class Played(NamedTuple):
    """A router's port, and what its upstream gets."""

    port: int
    upstream: Recorder


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def played() -> AsyncIterator[Played]:
    """Yield a router process whose every route leads to one recorder."""
    with tempfile.TemporaryDirectory(prefix="pl-") as folder:
        home = Path(folder)
        await save_routes(home)
        settings = RouterSettings(
            home=home, run=home, platform=f"unix:{SOCKET}", access_log=home / "access.log"
        )
        async with recording(home / SOCKET) as upstream, routing(settings) as router:
            yield Played(router.port, upstream)


async def save_routes(home: Path) -> None:
    """Write the snapshot that the router starts from."""
    fold = Fold(
        "routes",
        row=Route,
        key=routes.key,
        reduce=routes.reduce,
        snapshots=home / "snapshots",
    )
    for place, functions in LIVE.items():
        label, environment = place.split("/")
        for function in functions:
            fold.rows[f"{place}/{function}"] = Route(
                label=label,
                environment=environment,
                function=function,
                revision="1",
                upstream=f"unix:{SOCKET}",
            )
    fold.seq = 1
    await fold.save()


@pytest.mark.weakness(1)
@pytest.mark.parametrize("name", CASES)
async def test_a_hostile_request_gets_nowhere(played: Played, name: str) -> None:
    """Refused with its cause before the upstream sees it, or it arrives in its one meaning."""
    case, upstream = CASES[name], played.upstream
    upstream.clear()

    async with calling(played.port) as caller:
        await caller.send(case.sent + get("/hello/behind"))
        if case.arrives:
            await arrived(caller, case)
        else:
            refused(await caller.answer(), case)
        ends = case.closes or (case.cause != "" and CAUSES[case.cause].status in ENDS)
        if ends:
            assert await caller.ended()
        elif not case.closes:
            assert (await caller.answer()).status == 200

    behind = [] if ends else ["GET /behind"]
    whole = [f"{one.method} {one.target}" for one in upstream.requests]
    assert (whole, upstream.broken) == ([*case.arrives, *behind], [])
    assert upstream.by_h11() == upstream.requests
    raw = upstream.raw
    assert [text for text in case.has if text.encode() not in raw] == []
    assert [text for text in case.lacks if text.encode() in raw.lower()] == []


async def arrived(caller: Caller, case: Case) -> None:
    """Read an answer for each request that was to arrive."""
    for line in case.arrives:
        answer = await caller.answer(head_only=line.startswith("HEAD"))
        assert answer.status == 200, answer


def refused(answer: Answer, case: Case) -> None:
    """See that the router itself answered, and why."""
    assert (answer.status, answer.cause) == (case.status or CAUSES[case.cause].status, case.cause)
    assert answer.headers.get("location", "") == case.location


@pytest.mark.parametrize("name", ["framing: two lengths", "lines: bare LF in a header"])
async def test_dribbled_it_is_refused_too(played: Played, name: str) -> None:
    """However the bytes are cut, the same is found, and nothing arrives."""
    case, upstream = CASES[name], played.upstream
    upstream.clear()
    async with calling(played.port) as caller:
        for byte in case.sent:
            caller.writer.write(bytes((byte,)))
            await asyncio.sleep(0)  # each in a read of its own, as far as the kernel lets us
        answer = await caller.answer()

    assert (answer.cause, upstream.requests) == (case.cause, [])


async def test_a_long_head_in_many_pieces_costs_little(played: Played) -> None:
    """60 KB of head, 20 bytes at a time, from four callers: one who is plain is not held up."""
    line = b"X-A: 012345678901234\r\n"
    pieces = [b"GET /hello HTTP/1.1\r\nHost: alice.localhost\r\n", *[line] * 90, b"X-B: "]
    pieces += [b"0123456789abcdef0123"] * 2900

    async def dribble() -> int:
        async with calling(played.port) as caller:
            for piece in pieces:
                await caller.send(piece)
                await asyncio.sleep(0)
            return (await caller.ask(b"\r\n\r\n")).status

    async with asyncio.timeout(PATIENCE), calling(played.port) as caller:
        dribbling = [asyncio.create_task(dribble()) for _ in range(4)]
        asked = 0
        while not all(one.done() for one in dribbling):
            assert (await caller.ask(get())).status == 200
            asked += 1
        assert [one.result() for one in dribbling] == [200] * 4
    assert asked > 20
