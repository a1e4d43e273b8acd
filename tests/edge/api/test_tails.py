"""Tails by server-sent events: gapless, resumed, bounded, and cut off when they have to be."""

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest

from bus.connection import Bus
from edge.api import sse, tailing
from tests.bus.workers import eventually
from tests.edge.api.listening import Listening, Reader, listening, reading
from tests.edge.auth.entering import person


@pytest.fixture
async def api(bus: Bus) -> AsyncIterator[Listening]:
    """Yield an API."""
    async with listening(bus) as served:
        yield served


async def test_a_tail_begins_now_and_shows_what_comes(api: Listening) -> None:
    """Each event once and in order; its id is its sequence."""
    await api.push(1)

    async with reading(Reader(f"{api.url}/api/events/tail")) as reader:
        for number in range(2, 12):
            await api.push(number)
        await eventually(lambda: len(reader.items) == 10)

    assert reader.seqs == list(range(2, 12))
    assert reader.items[0]["type"] == "branch.pushed/1"


async def test_last_event_id_resumes_without_gap_or_repeat(api: Listening) -> None:
    """Cut off at any place and come again, as browsers do, while the log grows."""
    reader = Reader(f"{api.url}/api/events/tail?after=0")
    for number in range(30):
        await api.push(number)
    for goal in (30, 31, 45):
        async with reading(reader):
            for number in range(100 + goal, 110 + goal):
                await api.push(number)
            await eventually(lambda goal=goal: len(reader.items) >= goal)  # type: ignore[misc]
        reader.beats = 0

    assert reader.seqs == list(range(1, len(reader.items) + 1))


async def test_filters_and_since(api: Listening) -> None:
    """Only what is wanted comes, from the time on that was asked for."""
    await api.push(1, "alice")
    await api.push(2, "bob")
    query = "project=bob/shop&kind=branch.*&since=1h"

    async with reading(Reader(f"{api.url}/api/audit/tail?{query}")) as reader:
        await api.push(3, "alice")
        await api.push(4, "bob")
        await eventually(lambda: reader.seqs == [2, 4])

    assert {item["who"] for item in reader.items} == {"bob"}


@pytest.mark.weakness(3)
async def test_a_tenant_sees_only_what_is_theirs(api: Listening) -> None:
    """Of two tenants' pushes, those of one; an outsider sees none, and an operator both."""
    async with listening(api.bus) as hers, listening(api.bus) as eves:
        hers.caller, eves.caller = person("alice", "owner"), person("eve", None)
        async with (
            reading(Reader(f"{api.url}/api/audit/tail")) as everything,
            reading(Reader(f"{hers.url}/api/audit/tail")) as alice,
            reading(Reader(f"{eves.url}/api/audit/tail")) as eve,
        ):
            for number, owner in enumerate(("bob", "alice", "bob", "alice")):
                await api.push(number, owner)
            await eventually(lambda: everything.seqs == [1, 2, 3, 4] and alice.seqs == [2, 4])

    assert eve.items == []


async def test_who_may_no_longer_is_cut_off_within_a_second(api: Listening) -> None:
    """A token that was revoked: the tail ends and says why, and nothing more is shown."""
    reader = Reader(f"{api.url}/api/events/tail")
    task = asyncio.create_task(reader.read())
    await eventually(lambda: reader.beats)
    await api.push(1)
    await eventually(lambda: reader.seqs == [1])

    api.caller, begun = None, time.monotonic()
    await api.push(2)
    async with asyncio.timeout(10):
        await task

    assert time.monotonic() - begun < 1.0
    assert reader.ends == ["rights"]
    assert reader.seqs == [1]


async def test_a_lost_role_shows_nothing_more(api: Listening) -> None:
    """Somebody who is a member no more sees nothing from that moment on, though signed in."""
    api.caller = person("alice", "viewer")
    async with reading(Reader(f"{api.url}/api/events/tail")) as reader:
        await api.push(1)
        await eventually(lambda: reader.seqs == [1])
        api.caller = person("alice", None)
        await api.push(2)
        api.caller = person("alice", "viewer")
        await eventually(lambda: reader.seqs == [1] and api.caller is not None)
        await api.push(3)
        await eventually(lambda: 3 in reader.seqs)


async def test_silence_is_broken_by_signs_of_life(
    api: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They tell how far there was nothing to see, so that resuming does not search again."""
    monkeypatch.setattr(tailing, "EACH", 0.02)
    monkeypatch.setattr(tailing, "HEARTBEAT", 0.04)
    async with reading(Reader(f"{api.url}/api/events/tail?kind=none")) as reader:
        await api.push(1)
        await eventually(lambda: reader.beats > 3 and reader.last == "1")

    assert reader.items == []


async def test_a_reader_that_takes_nothing_is_cut_off_and_resumes(
    api: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He holds up nobody, his place is given up, and he misses nothing when he comes again."""
    monkeypatch.setattr(sse, "STALL", 0.3)
    monkeypatch.setattr(tailing, "MOST_EACH", 2)
    big = "x" * 20_000
    for number in range(400):
        await api.push(number, actor=big)
    host, port = api.url.removeprefix("http://").split(":")
    stuck, writer = await asyncio.open_connection(host, int(port), limit=1024)
    writer.write(b"GET /api/events/tail?after=0 HTTP/1.1\r\nHost: x\r\n\r\n")

    async with reading(Reader(f"{api.url}/api/events/tail?after=0")) as quick:
        await eventually(lambda: len(quick.items) == 400)
        await _opens(f"{api.url}/api/events/tail")
    writer.close()
    del stuck

    assert quick.seqs == list(range(1, 401))


async def _opens(url: str) -> None:
    """Wait until there is room for a tail."""
    status = 429
    async with asyncio.timeout(10), aiohttp.ClientSession() as session:
        while status == 429:
            async with session.get(url) as response:
                status = response.status
    assert status == 200


async def test_tails_are_counted(api: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody opens more than his share; one that was left makes room."""
    monkeypatch.setattr(tailing, "MOST_EACH", 1)
    url = f"{api.url}/api/events/tail"
    async with reading(Reader(url)):
        status, problem = await api.get("/api/events/tail")
        assert (status, problem["code"]) == (429, "too_many_tails")

    await _opens(url)


@pytest.mark.parametrize(
    ("place", "status", "code"), [("9", 409, "ahead_of_log"), ("x", 400, "filter_invalid")]
)
async def test_a_place_that_is_none_is_told(
    api: Listening, place: str, status: int, code: str
) -> None:
    """Behind the log's end, or no number: better no answer than one that waits for ever."""
    headers = {"Last-Event-ID": place}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{api.url}/api/events/tail") as response,
    ):
        assert response.status == status
        assert (await response.json(content_type=None))["code"] == code


async def test_a_tail_with_an_end_ends(api: Listening) -> None:
    """``until`` a moment that passes: the answer ends by itself, and says so."""
    await api.push(1)
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
    reader = Reader(f"{api.url}/api/events/tail?after=0&until={soon}")

    async with asyncio.timeout(10):
        await reader.read()

    assert (reader.seqs, reader.ends) == ([1], ["until"])


async def test_all_tails_end_when_the_process_does(api: Listening) -> None:
    """A restart waits for nobody who looks on; they come again to who serves next."""
    reader = Reader(f"{api.url}/api/events/tail")
    task = asyncio.create_task(reader.read())
    await eventually(lambda: reader.beats)

    api.stopping.set()
    async with asyncio.timeout(5):
        await task

    assert reader.ends == ["restart"]
