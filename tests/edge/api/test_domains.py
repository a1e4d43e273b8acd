"""Domains by HTTP, on a real log: what is mapped, and what is refused."""

import asyncio
from typing import Any

import httpx
import pytest

from bus.connection import Bus
from edge.api.domain_book import DomainBook, DomainTaken
from edge.domains import DomainInvalid, aggregate, canonical
from schemas.events.domain import DomainMapped, DomainUnmapped
from tests.edge.api.test_app import answer, api, deploy, run_of

__all__ = ["api"]

SHOP = "shop.example.com"


async def put(api: httpx.AsyncClient, host: str, **place: str) -> httpx.Response:
    """Ask for a mapping."""
    return await api.put(f"/api/domains/{host}", json=place)


@pytest.fixture
async def pushed(bus: Bus, api: httpx.AsyncClient) -> None:
    """Have alice's hello live, and known."""
    seq = await deploy(bus, run_of(1).id)
    await answer(api, f"/api/functions?after={seq}")


@pytest.mark.usefixtures("pushed")
async def test_a_host_is_mapped_listed_and_unmapped(bus: Bus, api: httpx.AsyncClient) -> None:
    """Each is a fact about the host; asking twice writes once."""
    first = await put(api, "Shop.Example.COM.", label="alice", function="hello")
    again = await put(api, SHOP, label="alice", function="hello")
    page = await answer(api, f"/api/domains?after={first.json()['seq']}")
    gone = await api.delete(f"/api/domains/{SHOP}")
    empty = await answer(api, f"/api/domains?after={gone.json()['seq']}")
    missing = await api.delete(f"/api/domains/{SHOP}")

    assert (first.status_code, first.json()["host"]) == (200, SHOP)
    assert again.json() == first.json()
    (row,) = page["items"]
    assert (row["host"], row["label"], row["function"]) == (SHOP, "alice", "hello")
    assert empty["items"] == []
    assert (missing.status_code, missing.json()["code"]) == (404, "domain_unknown")
    events = bus.follow.events(after=first.json()["seq"] - 1, until=await bus.log.head())
    assert [event.fact async for event in events] == [
        DomainMapped(SHOP, "alice", "hello"),
        DomainUnmapped(SHOP),
    ]


@pytest.mark.usefixtures("pushed")
async def test_a_host_that_leads_elsewhere_is_refused(bus: Bus, api: httpx.AsyncClient) -> None:
    """409 with the cure, until somebody frees it."""
    await put(api, SHOP, label="alice", function="hello")

    taken = await put(api, SHOP, label="alice")

    assert (taken.status_code, taken.json()["code"]) == (409, "domain_taken")
    assert taken.json()["detail"] == f"{SHOP} leads to alice/hello already"
    last = await bus.log.last(aggregate(SHOP), DomainMapped)
    assert last is not None
    assert last.fact.function == "hello"


async def test_of_two_who_want_a_host_at_once_one_has_it(bus: Bus) -> None:
    """The guard lets one in; the other is told, and writes nothing."""
    book = DomainBook(bus.log, "localhost")
    asking = [book.add(SHOP, f"tenant-{number}", "", by="x", told=bool) for number in range(8)]
    found = await asyncio.gather(*asking, return_exceptions=True)

    assert sum(isinstance(one, DomainTaken) for one in found) == 7
    assert await bus.log.head() == 1


@pytest.mark.usefixtures("pushed")
@pytest.mark.parametrize(
    ("place", "hint"),
    [
        ({"label": "alcie"}, "there are alice"),
        ({"label": "alice", "function": "helo"}, "there are hello"),
    ],
)
async def test_what_nobody_has_pushed_cannot_be_led_to(
    api: httpx.AsyncClient, place: dict[str, str], hint: str
) -> None:
    """404 names those that there are."""
    refused: Any = (await put(api, SHOP, **place)).json()
    assert (refused["status"], refused["hint"]) == (404, hint)


@pytest.mark.parametrize(
    "host",
    [
        "example",
        "localhost",
        "alice.localhost",
        "example.org",
        "system.example.org",
        "a.b.EXAMPLE.org.",
        "192.0.2.1",
        "[2001:db8::1]",
        "shop.example.com:80",
        "https://shop.example.com",
        "shop_1.example.com",
        "-a.example.com",
        "a..example.com",
        "münchen.example.com",
        "*.example.com",
        f"{'a' * 64}.example.com",
        ".".join(["a" * 60] * 5),
        "shop.example.123",
        "edge.example.net",
        "",
    ],
)
def test_what_is_no_host_or_ours_is_refused(host: str) -> None:
    """Our root domain and all below it, this machine's names, addresses, and what is no name."""
    with pytest.raises(DomainInvalid, match="host: "):
        canonical(host, "example.org", {"edge.example.net"})
