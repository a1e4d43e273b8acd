"""Limits of one route: how much, how often, how long; and what it costs not to have any."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.router.admission import Doorkeeper
from edge.router.limits import Connections, Rate, one_of
from edge.router.request import parse_line
from edge.router.routes import Route
from edge.router.settings import RouterSettings
from edge.router.table import Table
from edge.router.upstream import Upstreams
from edge.router.usage import Meter
from schemas.route import RouteOptions
from tests.edge.router.conftest import Running, Start
from tests.edge.router.wire import (
    Received,
    Upstream,
    calling,
    echo,
    get,
    post,
    until,
    upstream,
)

CHUNKED = b"POST /small HTTP/1.1\r\nHost: alice.localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


async def never(_: Received, reader: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Wait for the end of the connection, without a word."""
    await reader.read()


async def dribble(_: Received, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a body without end, a byte now and then."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)  # moving, so that no idle timeout counts


@pytest.fixture
def table(run: Path) -> Table:
    """Return a table with a plain route and one that waits for a second."""
    settings = RouterSettings(home=run, run=run)
    made = Table(Upstreams(run), settings, Meter(), Doorkeeper(settings.auth, None))
    for name, options in (("hello", RouteOptions()), ("slow", RouteOptions(response_seconds=1.0))):
        route = Route("alice", "production", name, "1", "unix:fn.sock", options=options)
        made.apply(f"alice/production/{name}", route)
    return made


def test_a_route_without_options_has_no_rules(table: Table) -> None:
    """What is not asked for is not even looked at."""
    plain_one = table.find(b"alice.localhost", parse_line(b"GET /hello HTTP/1.1"))
    slow = table.find(b"alice.localhost", parse_line(b"GET /slow HTTP/1.1"))

    assert plain_one.rules is slow.rules is None
    assert plain_one.settings.response_timeout == 60.0
    assert slow.settings.response_timeout == 1.0


@pytest.mark.parametrize("size", [10, 11])
async def test_a_body_of_a_length_is_let_in_up_to_its_limit(
    router: Running, hello: Upstream, size: int
) -> None:
    """413 before the upstream learns of it; at the limit it passes."""
    router.route("small", "unix:fn-1.sock", options=RouteOptions(body_bytes=10))
    async with calling(router.port) as caller:
        answer = await caller.ask(post(b"x" * size, "/small"))

    if size == 10:
        assert answer.body == b"POST / " + b"x" * 10
    else:
        assert (answer.status, answer.cause, hello.requests) == (413, "body_too_large", [])


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        ([b"a\r\n0123456789\r\n0\r\n\r\n"], 200),
        ([b"5\r\n01234\r\n", b"5\r\n56789\r\n0\r\n\r\n"], 200),
        ([b"b\r\n"], 413),
        ([b"5\r\n01234\r\n", b"6\r\n"], 413),
        ([b"5\r\n01234\r\n5\r\n56789\r\n1\r\n"], 413),
    ],
)
async def test_a_chunked_body_is_measured_as_it_comes(
    router: Running, hello: Upstream, pieces: list[bytes], status: int
) -> None:
    """A chunk that would be too much is refused by its size alone; framing does not count."""
    router.route("small", "unix:fn-1.sock", options=RouteOptions(body_bytes=10))
    async with calling(router.port) as caller:
        await caller.send(CHUNKED + pieces[0])
        for piece in pieces[1:]:
            await until(lambda: hello.connections == 1)
            await caller.send(piece)
        answer = await caller.answer()

    assert answer.status == status, answer


async def test_a_route_has_patience_of_its_own(router: Running) -> None:
    """A shorter timeout is kept for its route alone; the caller learns the cause."""
    router.route("slow", "unix:never.sock", options=RouteOptions(response_seconds=0.1))
    router.route("hello", "unix:never.sock")
    async with (
        upstream(router.run / "never.sock", never),
        calling(router.port) as patient,
        calling(router.port) as caller,
    ):
        await patient.send(get("/hello"))
        refused = await caller.ask(get("/slow"))
        still = [front for front in router.router.fronts if front.status == 0]

    assert (refused.status, refused.cause) == (504, "upstream_timeout")
    assert len(still) == 1


async def test_the_whole_may_take_so_long_and_no_longer(router: Running) -> None:
    """A body that moves for ever is cut off; one that never begins is 504."""
    async with (
        upstream(router.run / "never.sock", never),
        upstream(router.run / "dribble.sock", dribble),
        calling(router.port) as one,
        calling(router.port) as other,
    ):
        options = RouteOptions(total_seconds=0.3)
        router.route("never", "unix:never.sock", options=options)
        router.route("dribble", "unix:dribble.sock", options=options)
        refused = await one.ask(get("/never"))
        await other.send(get("/dribble"))
        begun = await other.head()
        rest = await other.reader.read()
        await until(lambda: not router.router.totals)

    assert (refused.status, refused.cause) == (504, "total_timeout")
    assert begun.status == 200
    assert 0 < len(rest) < 1_000_000


async def test_requests_that_come_too_soon_are_429(router: Running, hello: Upstream) -> None:
    """A burst passes, then Retry-After says when; the connection stays usable."""
    router.route("few", "unix:fn-1.sock", options=RouteOptions(rate=0.5, burst=2))
    async with calling(router.port) as caller:
        answers = [await caller.ask(get("/few")) for _ in range(3)]
        other = await caller.ask(get("/hello"))

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[2].cause == "rate_limited"
    assert answers[2].headers["retry-after"] == "2"
    assert other.status == 200
    assert len(hello.requests) == 3


async def test_each_client_has_a_rate_or_all_have_one(start: Start, run: Path) -> None:
    """By client, one that asks too much is refused alone; by route, all together are counted."""
    async with (
        start(trusted_proxies=("127.0.0.1",)) as router,
        upstream(run / "fn-1.sock", echo),
        calling(router.port) as caller,
    ):
        router.route("each", "unix:fn-1.sock", options=RouteOptions(rate=0.1))
        router.route("all", "unix:fn-1.sock", options=RouteOptions(rate=0.1, rate_by="route"))
        found = {
            path: [
                (await caller.ask(get(path, f"X-Forwarded-For: {address}"))).status
                for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2")
            ]
            for path in ("/each", "/all")
        }

    assert found == {"/each": [200, 429, 200], "/all": [200, 429, 429]}


@pytest.mark.usefixtures("hello")
async def test_a_deployment_does_not_fill_the_bucket(router: Running) -> None:
    """The same rate goes on being counted over a switch; another rate begins anew."""
    async with calling(router.port) as caller:
        statuses = []
        for options in (RouteOptions(rate=0.1), RouteOptions(rate=0.1), RouteOptions(rate=0.2)):
            router.route("few", "unix:fn-1.sock", options=options)
            statuses.append((await caller.ask(get("/few"))).status)

    assert statuses == [200, 429, 200]


async def test_an_address_may_have_so_many_connections(start: Start) -> None:
    """One more is told 429 and closed; when another ends there is room again."""
    async with start(connections_per_client=2) as router:
        async with calling(router.port), calling(router.port), calling(router.port) as third:
            refused = await third.answer()
            assert await third.ended()
        await until(lambda: not router.router.fronts)
        async with calling(router.port) as again:
            there = await again.ask(get())

    assert (refused.status, refused.cause) == (429, "too_many_connections")
    assert there.status == 404


async def test_a_trusted_proxy_may_have_any_number_of_connections(start: Start) -> None:
    """It carries the connections of all its callers."""
    async with (
        start(connections_per_client=1, trusted_proxies=("127.0.0.0/8",)) as router,
        calling(router.port) as one,
        calling(router.port) as two,
    ):
        assert [(await caller.ask(get())).status for caller in (one, two)] == [404, 404]


@given(
    st.floats(0.1, 1000),
    st.integers(1, 50),
    st.lists(st.floats(0, 10), min_size=1, max_size=200),
)
def test_no_more_passes_than_the_rate_and_the_burst(
    rate: float, burst: int, pauses: list[float]
) -> None:
    """In any stretch of time: at most the burst and what the rate adds; Retry-After is right."""
    bucket, now, passed = Rate(rate, burst), 100.0, list[float]()
    for pause in pauses:
        now += pause / rate
        if wait := bucket.take("x", now):
            sooner = now + wait * 0.9
            assert sooner == now or bucket.take("x", sooner) > 0  # else no clock tells them apart
        else:
            passed.append(now)
    for place, begin in enumerate(passed):
        for count, end in enumerate(passed[place:], start=1):
            assert count <= burst + (end - begin) * rate + 1e-6


def test_addresses_that_come_and_go_take_no_memory() -> None:
    """Whoever has been away long enough is forgotten; neighbours in IPv6 are one client."""
    bucket, connections = Rate(1.0), Connections(3)
    for number in range(70_000):
        bucket.take(str(number), number / 1000)
        connections.opened(str(number))
        connections.closed(str(number))

    assert len(bucket) < 70_000
    assert len(connections) == 0
    assert one_of("2001:db8::1") == one_of("2001:db8::ffff") != one_of("2001:db8:0:1::1")
    assert one_of("192.0.2.1") == "192.0.2.1"
