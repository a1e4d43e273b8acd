"""Who is let in where, on plain values."""

import base64
import json
from typing import Any

import pytest

from edge.auth.door import HostUnknown, TokenMissing, TooManyAttempts
from edge.cli.dispatch import Dispatch
from tests.edge.auth.entering import door

DOOR = door("functions.example", "s3cret", more=("192.0.2.7",))


def scope(*headers: tuple[bytes, bytes]) -> dict[str, Any]:
    """Return the head of a request."""
    return {"method": "GET", "headers": list(headers)}


@pytest.mark.parametrize(
    "host",
    [
        b"localhost",
        b"LOCALHOST:8080",
        b"127.0.0.1:1",
        b"[::1]:8080",
        b"[::1]",
        b"system.functions.example",
        b"functions.example:80",
        b"functions.example.",
        b"192.0.2.7:8080",
    ],
)
def test_our_own_hosts_are_known(host: bytes) -> None:
    """On any port, in any case."""
    DOOR.host(scope((b"host", host)))


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ((b"host", b""),),
        ((b"host", b"evil.example"),),
        ((b"host", b"localhost.evil.example"),),
        ((b"host", b"alice.functions.example"),),
        ((b"host", b"localhost"), (b"host", b"evil.example")),
    ],
)
def test_other_hosts_are_not(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    """No host, two hosts, a foreign one, a tenant's."""
    with pytest.raises(HostUnknown, match="not the host"):
        DOOR.host(scope(*headers))


def basic(pair: bytes) -> bytes:
    """Return the Authorization header of a user and a password."""
    return b"Basic " + base64.b64encode(pair)


@pytest.mark.parametrize(
    ("header", "user"),
    [
        (b"Bearer s3cret", "operator"),
        (b"bearer  s3cret ", "operator"),
        (basic(b"alice:s3cret"), "alice"),
        (basic(b":s3cret"), "operator"),
        (basic("zoë:s3cret".encode()), "zoë"),
    ],
)
def test_the_token_lets_in(header: bytes, user: str) -> None:
    """As Bearer, or as the password of whatever name."""
    assert DOOR.enter(scope((b"authorization", header))).actor == user


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"Bearer",
        b"Bearer s3cre",
        b"Bearer s3cret2",
        b"s3cret",
        b"Digest s3cret",
        b"Basic s3cret",
        b"Basic ====",
        basic(b"s3cret"),
        basic(b"s3cret:"),
        basic(b"alice:wrong"),
    ],
)
def test_anything_else_does_not(header: bytes) -> None:
    """Broken, short, long, the token in the wrong place."""
    with pytest.raises((TokenMissing, TooManyAttempts)) as caught:
        DOOR.enter(scope((b"authorization", header)))
    assert "s3cret" not in str(caught.value)


def test_the_token_is_in_no_repr() -> None:
    """Nobody learns it from a log line."""
    assert "s3cret" not in repr(DOOR)


async def told(method: str, path: str, *headers: tuple[bytes, bytes]) -> tuple[int, Any, Any]:
    """Return status, headers and problem of what the platform answers; nothing is behind it."""

    async def nobody(*_: object) -> Any:
        raise AssertionError("not for us")

    platform = Dispatch(door("localhost", "s3cret"), paths={}, git=nobody, api=nobody, front=b"")
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    known = ((b"host", b"localhost:8080"), *headers)
    head = {"type": "http", "method": method, "path": path, "headers": list(known)}
    await platform(head, nobody, send)
    body = sent[1]["body"]
    return sent[0]["status"], dict(sent[0]["headers"]), json.loads(body) if body[:1] == b"{" else {}


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        ("GET", "/api/runs", (), 401, "token_missing"),
        ("GET", "/metrics", (), 401, "token_missing"),
        ("POST", "/api/x", ((b"origin", b"http://evil.example"),), 403, "origin_foreign"),
        ("GET", "/nothing", ((b"authorization", b"Bearer s3cret"),), 404, "not_found"),
        ("OPTIONS", "*", (), 401, "token_missing"),
        ("GET", "/", ((b"host", b"evil.example"),), 421, "host_unknown"),
    ],
)
async def test_what_the_door_refuses_is_a_problem(
    method: str, path: str, headers: tuple[tuple[bytes, bytes], ...], status: int, code: str
) -> None:
    """Each with its status and its stable code, whatever was sent."""
    found, _, problem = await told(method, path, *headers)
    assert (found, problem["code"]) == (status, code)


@pytest.mark.parametrize(
    ("mode", "challenge"), [(None, b"Basic"), (b"navigate", b"Basic"), (b"cors", b"Bearer")]
)
async def test_a_script_makes_no_browser_ask_for_a_password(
    mode: bytes | None, challenge: bytes
) -> None:
    """Who types an address is asked; what a page fetches only fails."""
    headers = () if mode is None else ((b"sec-fetch-mode", mode),)
    status, found, _ = await told("GET", "/api/runs", *headers)
    assert (status, found[b"www-authenticate"].split()[0]) == (401, challenge)


async def test_the_metrics_are_for_operators() -> None:
    """Of the whole installation: no tenant's."""
    status, headers, _ = await told("GET", "/metrics", (b"authorization", b"Bearer s3cret"))
    assert status == 200
    assert headers[b"content-type"].startswith(b"text/plain")
