"""The proxies that deploy/ shows, before a real router: TLS, the caller's address, long streams."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.bench.behind import echo as talk
from tests.bench.behind import frame, message
from tests.edge.router.conftest import Start
from tests.edge.router.wire import PATIENCE, Caller, Received, echo, get, post, upstream
from tests.heavy import proxies
from tests.heavy.proxies import SHOWN, Place, Proxy, running

HOST = "alice.localhost"
Made = Callable[[int], Proxy]  # of the router's port


def nginx(router: int) -> Proxy:
    """Return nginx with the file that is shown, before the router."""
    return lambda at: proxies.nginx(at, SHOWN / "nginx.conf", _changes(router))


def caddy(router: int) -> Proxy:
    """Return Caddy with the file that is shown, before the router."""

    def made(at: Place) -> list[str]:
        here = {"example.org, *.example.org": f"https://{HOST}:{at.port}"}
        return proxies.caddy(at, SHOWN / "Caddyfile", here | _changes(router))

    return made


def _changes(router: int) -> dict[str, str]:
    return {"example.org *.example.org": HOST, "127.0.0.1:8080": f"127.0.0.1:{router}"}


@asynccontextmanager
async def by_tls(folder: Path, port: int) -> AsyncIterator[Caller]:
    """Yield a connection over TLS to whoever has our certificate."""
    context = ssl.create_default_context(cafile=str(folder / "certificate.pem"))
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname=HOST, limit=1 << 20
    )
    try:
        yield Caller(reader, writer)
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("proxy", [nginx, caddy])
async def test_a_proxy_that_is_shown_works(start: Start, run: Path, proxy: Made) -> None:
    """Bodies, a path as it was sent, who called and how; a caller's claims are not believed."""
    async with (
        start(trusted_proxies=("127.0.0.1",)) as router,
        running(proxy(router.port), run, HOST) as port,
        upstream(run / "u.sock", echo) as served,
        by_tls(run, port) as caller,
    ):
        router.route("hello", "unix:u.sock")
        answer = await caller.ask(post(b"abc", "/hello/a%2Fb?x=%zz", "X-Forwarded-For: 6.6.6.6"))
        climbing = await caller.ask(get("/hello/%2e%2e/x"))
    headers = served.requests[0].headers

    assert (answer.status, answer.body) == (200, b"POST /a%2Fb?x=%zz abc")
    assert headers["x-forwarded-for"] == ["127.0.0.1, 127.0.0.1"]
    assert headers["x-forwarded-proto"] == ["https"]
    assert headers["x-forwarded-host"][0].partition(":")[0] == "alice.localhost"
    assert climbing.status in (301, 400)


@pytest.mark.parametrize("proxy", [nginx, caddy])
async def test_events_and_websockets_pass_a_proxy(start: Start, run: Path, proxy: Made) -> None:
    """An event is not held back, and a WebSocket's messages come back."""
    heard = asyncio.Event()

    async def both(
        request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if request.target == "/ws":
            await talk(request.head, reader, writer)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        await asyncio.wait_for(heard.wait(), PATIENCE)
        writer.close()

    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    async with (
        start(trusted_proxies=("127.0.0.1",)) as router,
        running(proxy(router.port), run, HOST) as port,
        upstream(run / "u.sock", both),
    ):
        router.route("hello", "unix:u.sock")
        async with by_tls(run, port) as caller:
            await caller.send(get("/hello/sse"))
            assert b"data: 1" in await asyncio.wait_for(caller.reader.readuntil(b"1\n\n"), PATIENCE)
            heard.set()
        async with by_tls(run, port) as caller:
            key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
            assert (await caller.ask(get("/hello/ws", *upgrade, key))).status == 101
            await caller.send(frame(b"hello", mask=b"mask"))
            assert await asyncio.wait_for(message(caller.reader), PATIENCE) == b"hello"


def test_envoys_file_leads_to_the_router() -> None:
    """Envoy is not to be had here: its file is read, and names listener, names and router."""
    told = YAML(typ="safe").load((SHOWN / "envoy.yaml").read_text())["static_resources"]
    (listener,), (cluster,) = told["listeners"], told["clusters"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    (host,) = manager["route_config"]["virtual_hosts"]

    assert host["routes"][0]["route"]["cluster"] == cluster["name"]
    assert manager["upgrade_configs"] == [{"upgrade_type": "websocket"}]
    assert manager["use_remote_address"] is True
    (end,) = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
    assert end["endpoint"]["address"]["socket_address"]["port_value"] == 8080
