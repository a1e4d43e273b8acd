"""What functions were asked is counted, sent once, and not lost when the router ends."""

import asyncio
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bus.connection import Bus, BusSettings
from edge.router.routes import Route
from edge.router.settings import RouterSettings
from edge.router.usage import Meter, sketch
from schemas import subjects
from schemas.errors import LogUnavailable
from schemas.route import RouteOptions
from schemas.usage import Usage, added, bucket
from tests.edge.router.conftest import Running
from tests.edge.router.process import routing
from tests.edge.router.test_process import HELLO, deployed, first
from tests.edge.router.wire import (
    PATIENCE,
    Received,
    Upstream,
    calling,
    echo,
    get,
    plain,
    upstream,
)

SUBJECT = subjects.usage("local", "alice/hello", "production/hello")
ROUTE = Route(
    "alice", "production", "hello", "1", "unix:x.sock", forge="local", project="alice/hello"
)
NOON = 43_200.0


class Sent:
    """A sink that may be away."""

    def __init__(self) -> None:
        """Be there."""
        self.away = False
        self.parts: list[tuple[str, Usage, str]] = []

    async def write(self, subject: str, usage: Usage, *, id: str) -> None:
        """Keep it, or fail."""
        if self.away:
            raise LogUnavailable("away")
        self.parts.append((subject, usage, id))


async def failing(_: Received, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer 500."""
    writer.write(plain(b"", "500 Internal Server Error"))


async def refusing(_: Received, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer 404."""
    writer.write(plain(b"", "404 Not Found"))


async def counted(bus: Bus) -> Usage:
    """Return what the log knows of alice's ``hello``."""
    since = datetime.now(UTC) - timedelta(hours=1)
    return added([part.usage async for part in bus.usage.since(SUBJECT, since)])


async def test_requests_are_counted_by_minute(router: Running, hello: Upstream) -> None:
    """Invocations, errors and how long they took; a refused request was none."""
    meter = router.router.meter
    router.route("closed", "unix:fn-1.sock", options=RouteOptions(policy="members"))
    async with (
        upstream(router.run / "bad.sock", failing),
        upstream(router.run / "no.sock", refusing),
        calling(router.port) as caller,
    ):
        router.route("bad", "unix:bad.sock")
        router.route("no", "unix:no.sock")
        for path in ("/hello", "/hello", "/bad", "/no", "/no", "/closed", "/none"):
            await caller.ask(get(path))
        meter.close(NOON)

    found = {part.subject.rpartition("=2F")[2]: part.usage for part in meter.waiting.values()}
    assert set(found) == {"hello", "bad", "no"}
    assert found["hello"].minute == 720
    asked = {name: (each.invocations, each.errors, each.refused) for name, each in found.items()}
    assert asked == {"hello": (2, 0, 0), "bad": (1, 1, 0), "no": (2, 0, 2)}
    assert sum(found["hello"].latency.values()) == 2
    assert len(hello.requests) == 2


async def test_a_part_is_kept_until_the_log_has_it(tmp_path: Path) -> None:
    """An outage delays counts; each is sent under one id, however often it is tried."""
    meter, sink = Meter(), Sent()
    tally = meter.tally(ROUTE)
    tally.add(200, 0.001)
    meter.close(NOON)
    sink.away = True
    for _ in range(3):
        try:
            await meter.send(sink)
        except LogUnavailable:
            tally.add(101, 9.0)
            meter.close(NOON + 60)
    sink.away = False
    await meter.send(sink)
    await meter.send(sink)

    assert [usage.minute for _, usage, _ in sink.parts] == [720, 721, 721, 721]
    assert len({id for *_, id in sink.parts}) == 4
    assert added(usage for _, usage, _ in sink.parts).invocations == 4
    assert added(usage for _, usage, _ in sink.parts).latency == sketch([0.001])
    meter.keep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_could_not_be_sent_waits_for_the_next_router(tmp_path: Path) -> None:
    """Kept in a file under its ids; a damaged file is passed over."""
    meter, next_one = Meter(), Meter()
    meter.tally(ROUTE).add(500, 0.5)
    meter.close(NOON)
    meter.keep(tmp_path)
    (tmp_path / "zzz.json").write_text("{")

    next_one.recover(tmp_path)

    assert next_one.waiting == meter.waiting
    next_one.waiting.clear()
    next_one.keep(tmp_path)
    assert list(tmp_path.glob("*.json")) == []


@given(st.lists(st.floats(1e-5, 1e4), max_size=50))
def test_the_quick_sketch_is_the_plain_one(took: list[float]) -> None:
    """Counted by halves of floats, each duration lands in its bucket or in the one beside it."""
    found = sorted(number for number, count in sketch(took).items() for _ in range(count))
    plain_ones = sorted(bucket(int(seconds * 1_000_000)) for seconds in took)

    assert len(found) == len(plain_ones)
    assert all(abs(one - other) <= 1 for one, other in zip(found, plain_ones, strict=True))


async def test_a_removed_function_is_forgotten_once_it_is_told_of(router: Running) -> None:
    """Previews come and go: nothing of them stays, and no count is lost."""
    meter = router.router.meter
    async with upstream(router.run / "fn-1.sock", echo), calling(router.port) as caller:
        for number in range(20):
            router.route(f"f{number}", "unix:fn-1.sock")
            await caller.ask(get(f"/f{number}"))
            router.router.table.apply(f"alice/production/f{number}", None)
    meter.close(NOON)

    assert meter._tallies == {}  # noqa: SLF001 - memory has no other face
    assert [part.usage.invocations for part in meter.waiting.values()] == [1] * 20


def test_a_switch_goes_on_counting() -> None:
    """All revisions of a function are one; another environment is another."""
    meter = Meter()
    newer = msgspec.structs.replace(ROUTE, revision="2")
    preview = msgspec.structs.replace(ROUTE, environment="pr-1")

    assert meter.tally(ROUTE) is meter.tally(newer) is not meter.tally(preview)


async def test_nothing_is_lost_when_a_router_ends(
    bus: Bus, bus_settings: BusSettings, run: Path
) -> None:
    """SIGTERM long before the next sending: the log has each request that was answered."""
    settings = RouterSettings(
        home=bus_settings.home, run=run, nats_url=bus_settings.nats_url, access_log_every=0
    )
    async with upstream(run / "fn-1.sock", echo) as served:
        async with routing(settings) as router, calling(router.port) as caller:
            await bus.log.append(deployed(1), of=HELLO, id="test:0")
            await first(caller, b"GET / ", get())
            for _ in range(50):
                await caller.ask(get())
            router.child.send_signal(signal.SIGTERM)
            await asyncio.to_thread(router.child.wait, PATIENCE)
        usage = await counted(bus)

    assert usage.invocations == len(served.requests) >= 51
    assert usage.errors == 0
    assert not list((bus_settings.home / "usage").glob("*"))


async def test_counts_of_a_router_without_its_log_are_sent_by_the_next(
    bus: Bus, bus_settings: BusSettings, run: Path
) -> None:
    """The log is away from start to end: a file keeps what was counted."""
    settings = RouterSettings(
        home=bus_settings.home, run=run, nats_url=bus_settings.nats_url, usage_every=0.05
    )
    async with upstream(run / "fn-1.sock", echo) as served:
        async with routing(settings) as router, calling(router.port) as caller:
            await bus.log.append(deployed(1), of=HELLO, id="test:0")
            await first(caller, b"GET / ", get())
            router.child.send_signal(signal.SIGTERM)
            await asyncio.to_thread(router.child.wait, PATIENCE)
        away = msgspec.structs.replace(settings, nats_url="nats://127.0.0.1:1")
        async with routing(away) as router, calling(router.port) as caller:
            await caller.ask(get())
            router.child.send_signal(signal.SIGTERM)
            await asyncio.to_thread(router.child.wait, PATIENCE)
        assert len(list((bus_settings.home / "usage").glob("*.json"))) == 1
        async with routing(settings):
            begun = time.monotonic()
            while (await counted(bus)).invocations < len(served.requests):
                assert time.monotonic() - begun < PATIENCE

    assert (await counted(bus)).invocations == len(served.requests)
