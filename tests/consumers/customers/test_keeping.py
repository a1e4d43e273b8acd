"""The list of customers on a real log."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from bus.connection import Bus
from bus.fold import Fold
from consumers.customers.consumer import keep, record
from consumers.customers.listing import parse
from consumers.customers.origin import AtUrl, InFile, Origin, origin_of
from consumers.forges.customers import Admitted, fold
from schemas.envelope import Recorded
from schemas.events import Event
from schemas.events.customers import CustomersListed
from schemas.ids import tag_of


@pytest.fixture
async def admitted(bus: Bus) -> AsyncIterator[Fold[Admitted]]:
    """Yield the fold, following the log."""
    following = fold("customers")
    task = asyncio.create_task(following.run(bus.follow))
    yield following
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def said(bus: Bus) -> list[str]:
    """Return what the log says of the list, a word and an account an event."""
    events = bus.follow.events(after=0, until=await bus.log.head())
    return [_line(event) async for event in events]


def _line(event: Recorded[Event]) -> str:
    what = tag_of(event.fact).partition("/")[0]
    return f"{what} {event.of.forge}:{event.of.id}" if event.of.id else what


async def test_a_list_becomes_facts_once(bus: Bus, admitted: Fold[Admitted]) -> None:
    """Read twice, the same list says nothing more; a line less dismisses an account."""
    await record(bus.log, admitted, parse("github:alice\ngithub:bob"))
    await record(bus.log, admitted, parse("github:bob\ngithub:alice"))
    await record(bus.log, admitted, parse("github:bob"))

    assert await said(bus) == [
        "tenant.admitted github:alice",
        "tenant.admitted github:bob",
        "customers.listed",
        "tenant.dismissed github:alice",
        "customers.listed",
    ]


async def test_who_came_back_is_let_in_again(bus: Bus, admitted: Fold[Admitted]) -> None:
    """The same change, made once more later, is another fact."""
    for text in ("github:bob", "nobody", "github:bob"):
        await record(bus.log, admitted, parse(text))

    await admitted.reached(await bus.log.head())
    assert "github bob" in admitted.rows
    assert (await said(bus)).count("tenant.admitted github:bob") == 2


async def test_two_keepers_write_each_change_once(bus: Bus, admitted: Fold[Admitted]) -> None:
    """Two processes that read the same list at once leave one fact an account."""
    listed = parse("\n".join(f"github:u{number}" for number in range(700)))

    done = await asyncio.gather(
        *(record(bus.log, admitted, listed) for _ in range(2)), return_exceptions=True
    )
    if any(isinstance(one, Exception) for one in done):
        await record(bus.log, admitted, listed)

    facts = await said(bus)
    assert len([fact for fact in facts if fact.startswith("tenant.admitted")]) == 700
    assert len(set(facts)) == 701
    events = bus.follow.events(after=0, until=await bus.log.head())
    ends = [event.fact async for event in events if isinstance(event.fact, CustomersListed)]
    assert [one.complete for one in ends] == [False, True]


async def test_a_file_that_changes_is_read_again(
    bus: Bus, admitted: Fold[Admitted], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the file is broken or away the last good list holds; a good one is taken up."""
    monkeypatch.setattr(InFile, "every", 0.02)
    file = tmp_path / "customers"
    file.write_text("github:alice\n")
    stopping = asyncio.Event()
    keeping = asyncio.create_task(keep(bus.log, admitted, InFile(file), stopping))
    await _until(admitted, "github alice")

    for broken in ("", "<html>", None):
        file.unlink() if broken is None else file.write_text(broken)
        await _once(bus, admitted, InFile(file))
        assert "github alice" in admitted.rows
    file.write_text("github:bob\n")

    await _until(admitted, "github bob")
    assert "github alice" not in admitted.rows
    stopping.set()
    await keeping


async def _once(bus: Bus, admitted: Fold[Admitted], origin: Origin) -> None:
    """Look at the list one time."""
    stopping = asyncio.Event()
    stopping.set()
    await keep(bus.log, admitted, origin, stopping)


async def _until(admitted: Fold[Admitted], name: str) -> None:
    there = asyncio.Event()
    admitted.changed.append(lambda *_: there.set())
    async with asyncio.timeout(5):
        while name not in admitted.rows:
            await there.wait()
            there.clear()


class Page:
    """What a web server answers."""

    def __init__(self) -> None:
        """Answer with a list."""
        self.status, self.body = 200, "github:alice"

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        """Answer as told."""
        assert request.path == "/raw/s3cret/CUSTOMERS"
        return web.Response(status=self.status, text=self.body)


@pytest.fixture
async def page() -> AsyncIterator[tuple[Page, Origin]]:
    """Yield a page at a URL, and the list that is read from it."""
    answers = Page()
    runner = web.ServerRunner(web.Server(answers))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    yield answers, origin_of(f"http://{host}:{port}/raw/s3cret/CUSTOMERS")
    await runner.cleanup()


@pytest.mark.weakness(11)
async def test_an_error_page_is_no_list(
    bus: Bus, admitted: Fold[Admitted], page: tuple[Page, Origin]
) -> None:
    """The predecessor took a 404's text for customers; here who was in stays, nobody else comes."""
    answers, origin = page
    await record(bus.log, admitted, parse(await origin.read()))
    with capture_logs() as told:
        for status, body in ((404, "github:mallory"), (500, ""), (200, "<p>Not found</p>")):
            answers.status, answers.body = status, body
            await _once(bus, admitted, origin)

    assert await said(bus) == ["tenant.admitted github:alice", "customers.listed"]
    assert [one["event"] for one in told] == ["customers_kept_as_they_were"] * 3
    assert "s3cret" not in repr((told, origin))


@pytest.mark.weakness(11)
def test_where_the_list_is() -> None:
    """One setting says it: nobody, everybody, a file or a URL."""
    assert isinstance(origin_of("https://example.com/CUSTOMERS"), AtUrl)
    assert isinstance(origin_of("/etc/pushline/customers"), InFile)


@pytest.mark.weakness(11)
async def test_the_setting_itself_may_be_the_list() -> None:
    """Nothing set lets nobody in; a star lets everybody."""
    assert parse(await origin_of("").read()) == ()
    assert {one.owner for one in parse(await origin_of("*").read())} == {"*"}
