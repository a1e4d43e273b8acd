"""Who called: a caller is not believed, a proxy of ours is."""

import json
from pathlib import Path

import pytest

from edge.router import forwarding
from edge.router.forwarding import Trusted
from schemas.errors import SettingInvalid
from tests.edge.router.conftest import Start
from tests.edge.router.wire import Received, calling, echo, get, upstream

CLAIMED = ("X-Forwarded-For: 203.0.113.7, 198.51.100.2", "X-Forwarded-Proto: https")


async def told(start: Start, *headers: str, trusted: tuple[str, ...] = ()) -> Received:
    """Return what an upstream gets of a request with these headers."""
    async with (
        start(trusted_proxies=trusted) as running,
        upstream(running.run / "u.sock", echo) as served,
        calling(running.port) as caller,
    ):
        running.route("hello", "unix:u.sock")
        await caller.ask(get("/hello", *headers))
    return served.requests[0]


async def test_a_caller_is_not_believed(start: Start) -> None:
    """What a caller claims of itself is dropped; its address is the one that it connected from."""
    headers = (await told(start, *CLAIMED, "Forwarded: for=6.6.6.6")).headers

    assert headers["x-forwarded-for"] == ["127.0.0.1"]
    assert headers["x-forwarded-proto"] == ["http"]
    assert headers["forwarded"] == ['for=127.0.0.1;host="alice.localhost";proto=http']


async def test_a_proxy_of_ours_is_believed(start: Start, run: Path) -> None:
    """Behind one that is trusted, chain and protocol go on, and the log names the caller."""
    headers = (await told(start, *CLAIMED, trusted=("127.0.0.0/8", "198.51.100.2"))).headers

    assert headers["x-forwarded-for"] == ["203.0.113.7, 198.51.100.2, 127.0.0.1"]
    assert headers["x-forwarded-proto"] == ["https"]
    assert headers["forwarded"] == [
        'for=203.0.113.7, for=198.51.100.2, for=127.0.0.1;host="alice.localhost";proto=https'
    ]
    logged = json.loads((run / "access.log").read_text().splitlines()[0])
    assert logged["peer"] == "203.0.113.7"


async def test_another_proxy_is_not(start: Start) -> None:
    """Trust in one address is not trust in all."""
    headers = (await told(start, *CLAIMED, trusted=("192.0.2.1",))).headers

    assert headers["x-forwarded-for"] == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([b"203.0.113.7"], b"203.0.113.7"),
        ([b"203.0.113.7:8080, [2001:DB8::1]:80"], b"203.0.113.7, 2001:db8::1"),
        ([b"203.0.113.7", b"::1"], b"203.0.113.7, ::1"),
        ([b"unknown, 203.0.113.7"], b"203.0.113.7"),
        ([b"203.0.113.7, unknown"], b""),
        ([b"1.2.3.4, 999.1.1.1, 203.0.113.7"], b"203.0.113.7"),
        ([b'1.2.3.4, "><script>'], b""),
        ([b"1.2.3.4," * 100 + b"203.0.113.7"], b"1.2.3.4, " * 15 + b"203.0.113.7"),
        ([], b""),
    ],
)
def test_a_chain_is_kept_as_far_as_it_is_one(values: list[bytes], kept: bytes) -> None:
    """From the nearest on, until what is no address: that was not written by a proxy."""
    assert forwarding.chain(values) == kept


def test_the_caller_is_the_nearest_stranger() -> None:
    """A chain's far end can be made up; what our own proxies saw cannot."""
    ours = Trusted(("10.0.0.0/8", "fd00::/8"))

    assert ours.caller(b"6.6.6.6, 203.0.113.7, 10.1.1.1, fd00::2") == "203.0.113.7"
    assert ours.caller(b"10.1.1.1") == "10.1.1.1"
    assert ours.caller(b"") == ""
    assert "unix" not in ours


def test_addresses_are_spelt_as_the_rfc_has_it() -> None:
    """IPv6 stands in brackets and quotes, what is no address behind an underscore."""
    assert forwarding.told("::1").endswith(b'\r\nForwarded: for="[::1]"')
    assert forwarding.told("unix").endswith(b"for=_unix")


def test_a_bad_network_is_named() -> None:
    """The error says which setting it is."""
    with pytest.raises(SettingInvalid, match="trusted_proxies"):
        Trusted(("10.0.0.0/99",))
