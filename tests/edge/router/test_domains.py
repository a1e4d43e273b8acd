"""Hosts of the operator's own: they lead where the log says, and never past policy."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from bus.connection import Bus, BusSettings
from edge.domains import Domain, aggregate
from edge.router.settings import RouterSettings
from schemas.envelope import Aggregate
from schemas.events.domain import DomainMapped, DomainUnmapped
from schemas.route import RouteOptions
from tests.edge.router.conftest import Running
from tests.edge.router.process import routing
from tests.edge.router.test_process import HELLO, deployed, first
from tests.edge.router.wire import Upstream, calling, echo, get, upstream

SHOP = "shop.example.com"
NOON = datetime(2026, 1, 1, tzinfo=UTC)


def lead(router: Running, host: str, label: str, function: str = "") -> None:
    """Map a host."""
    router.router.table.map(host, Domain(host, label, function, NOON, "ann"))


async def test_a_host_leads_to_a_tenant_or_to_one_function(
    router: Running, hello: Upstream
) -> None:
    """Of a tenant, the path's first segment is the name; of one function, the path is all its."""
    lead(router, SHOP, "alice")
    lead(router, "hello.example.com", "alice", "hello")
    async with calling(router.port) as caller:
        of_tenant = await caller.ask(get("/hello/sub?x=1", host=SHOP))
        unknown = await caller.ask(get("/other", host=SHOP))
        of_one = await caller.ask(get("/hello/sub?x=1", host="HELLO.example.com.:80"))
        at_root = await caller.ask(get("/", host="hello.example.com"))
        nowhere = await caller.ask(get("/", host="evil.example.com"))

    assert of_tenant.body == b"GET /sub?x=1 "
    assert (unknown.status, unknown.cause) == (404, "no_function")
    assert of_one.body == b"GET /hello/sub?x=1 "
    assert at_root.body == b"GET / "
    assert (nowhere.status, nowhere.cause) == (404, "no_host")
    assert hello.requests[1].headers["x-forwarded-host"] == ["hello.example.com:80"]


async def test_it_follows_the_function_that_it_leads_to(router: Running, hello: Upstream) -> None:
    """A switch, a removal and a policy hold for it at once, in whatever order they come."""
    lead(router, SHOP, "alice", "late")
    async with upstream(router.run / "fn-2.sock", echo) as second, calling(router.port) as caller:
        before = await caller.ask(get("/", host=SHOP))
        router.route("late", "unix:fn-1.sock")
        one = await caller.ask(get("/", host=SHOP))
        router.route("late", "unix:fn-2.sock")
        two = await caller.ask(get("/", host=SHOP))
        router.route("late", "unix:fn-2.sock", options=RouteOptions(policy="members"))
        closed = await caller.ask(get("/", host=SHOP))
        router.router.table.map(SHOP, None)
        gone = await caller.ask(get("/", host=SHOP))

    assert (before.cause, one.status, two.status) == ("no_function", 200, 200)
    assert (len(hello.requests), len(second.requests)) == (1, 1)
    assert (closed.status, gone.cause) == (401, "no_host")


async def test_it_takes_nothing_from_anybody(router: Running, hello: Upstream) -> None:
    """Should the log map a tenant's host, or ours: those who have it by name keep it."""
    lead(router, "alice.localhost", "eve")
    lead(router, "system.localhost", "alice", "hello")
    async with (
        upstream(router.run / "platform.sock", echo) as platform,
        calling(router.port) as caller,
    ):
        await caller.ask(get("/hello"))
        await caller.ask(get("/api", host="system.localhost"))

    assert (len(hello.requests), len(platform.requests)) == (1, 1)


async def test_the_log_is_followed(bus: Bus, bus_settings: BusSettings, run: Path) -> None:
    """Mapped and unmapped while it runs; a snapshot has it for the next start."""
    settings = RouterSettings(home=bus_settings.home, run=run, nats_url=bus_settings.nats_url)
    of: Aggregate = aggregate(SHOP)
    async with upstream(run / "fn-1.sock", echo):
        async with routing(settings) as router, calling(router.port) as caller:
            await bus.log.append(deployed(1), of=HELLO, id="test:0")
            await bus.log.append(DomainMapped(SHOP, "alice", "hello"), of=of, id="test:1")
            await first(caller, b"GET / ", get("/", host=SHOP))
            unknown = (await caller.ask(get(host="x.localhost"))).body
            await bus.log.append(DomainUnmapped(SHOP), of=of, id="test:2")
            await first(caller, unknown, get("/", host=SHOP))
            await bus.log.append(DomainMapped(SHOP, "alice"), of=of, id="test:3")
            await first(caller, b"GET / ", get("/hello", host=SHOP))
            router.child.terminate()
            await asyncio.to_thread(router.child.wait, 15)
        away = RouterSettings(home=bus_settings.home, run=run)
        async with routing(away) as router, calling(router.port) as caller:
            assert (await caller.ask(get("/hello", host=SHOP))).body == b"GET / "
