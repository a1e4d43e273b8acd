"""Functions behind a gateway: a path of its takes the place of the function's name."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge.router.gateway import gateway
from tests.edge.router.conftest import Running
from tests.edge.router.wire import Upstream, calling, echo, get, post, until, upstream
from tests.heavy.programs import program

PATH = "/function/alice-hello.team-a"


@asynccontextmanager
async def listening(tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[Upstream, int]]:
    """Yield an upstream that echoes on a port of loopback, and the port."""
    served = Upstream(echo)
    served.server = await asyncio.start_server(served.serve, "127.0.0.1", 0, limit=1 << 20, ssl=tls)
    try:
        yield served, served.server.sockets[0].getsockname()[1]
    finally:
        served.server.close()


@pytest.mark.parametrize(
    ("path", "onward"),
    [
        ("/hello", "/"),
        ("/hello/", "/"),
        ("/hello?x=1", "/?x=1"),
        ("/hello/sub/deeper?x=%2F..%2F", "/sub/deeper?x=%2F..%2F"),
        ("/hello/a%2Fb", "/a%2Fb"),
        ("http://alice.localhost/hello/abs?q", "/abs?q"),
    ],
)
async def test_the_path_takes_the_place_of_the_name(
    router: Running, path: str, onward: str
) -> None:
    """What comes after the name comes after the gateway's path, in its canonical form."""
    async with listening() as (served, port), calling(router.port) as caller:
        router.route("hello", f"http://127.0.0.1:{port}{PATH}")
        answer = await caller.ask(get(path))

    assert (answer.status, answer.body.decode()) == (200, f"GET {PATH}{onward} ")
    assert [request.target for request in served.requests] == [PATH + onward]


async def test_joined_names_lead_there_too(router: Running) -> None:
    """The gateway's own way of calling, at the platform's host, reaches the same function."""
    async with listening() as (_, port), calling(router.port) as caller:
        router.route("hello", f"http://127.0.0.1:{port}{PATH}")
        answer = await caller.ask(get("/function/alice-hello/sub?x", host="localhost"))

    assert answer.body.decode() == f"GET {PATH}/sub?x "


async def test_the_gateway_gets_its_own_name_and_the_function_the_callers(router: Running) -> None:
    """Host is the gateway's, so that it may share a port; X-Forwarded-Host is what was asked."""
    async with listening() as (served, port), calling(router.port) as caller:
        router.route("hello", f"http://localhost:{port}/function/alice-hello/")
        await caller.ask(post(b"body", "/hello/x", "X-Forwarded-Host: forged"))

    (request,) = served.requests
    assert request.headers["host"] == [f"localhost:{port}"]
    assert request.headers["x-forwarded-host"] == ["alice.localhost"]
    assert request.target == "/function/alice-hello/x"


async def test_kept_connections_are_used_again(router: Running) -> None:
    """Ten requests to a gateway need one connection."""
    async with listening() as (served, port), calling(router.port) as caller:
        router.route("hello", f"http://127.0.0.1:{port}{PATH}")
        for _ in range(10):
            assert (await caller.ask(get())).status == 200

    assert served.connections == 1


async def test_a_request_that_waits_is_written_anew_for_whom_it_goes_to(router: Running) -> None:
    """A route that is switched while a connect is refused: the new upstream gets its own path."""
    async with listening() as (_, port):
        pass  # nobody listens there now
    router.route("hello", f"http://127.0.0.1:{port}{PATH}")
    async with (
        upstream(router.run / "fn-1.sock", echo) as local,
        listening() as (served, other),
        calling(router.port) as caller,
        calling(router.port) as second,
    ):
        await caller.send(post(b"body", "/hello/sub?x"))
        await until(lambda: any(front.out for front in router.router.fronts))
        router.route("hello", "unix:fn-1.sock")
        away = await caller.answer()
        (router.run / "fn-1.sock").unlink()
        router.route("hello", "unix:fn-1.sock")
        router.router.table.apply("alice/production/hello", None)
        router.route("hello", "unix:fn-2.sock")
        await second.send(get("/hello/sub?y"))
        await until(lambda: any(front.out and front.dialing for front in router.router.fronts))
        router.route("hello", f"http://127.0.0.1:{other}{PATH}")
        back = await second.answer()

    assert away.body == b"POST /sub?x body"
    assert local.requests[0].headers["host"] == ["alice.localhost"]
    assert back.body.decode() == f"GET {PATH}/sub?y "
    assert served.requests[0].headers["host"] == [f"127.0.0.1:{other}"]


@pytest.mark.parametrize(
    "address",
    [
        "http://",
        "http://:80/x",
        "http://user:pass@127.0.0.1:80/x",
        "http://127.0.0.1:80/../system/functions",
        "http://127.0.0.1:80/a/./b",
        "http://127.0.0.1:80/a//b",
        "http://127.0.0.1:80/a%2Fb",
        "http://127.0.0.1:80/a?x",
        "http://127.0.0.1:80/a#x",
        "http://127.0.0.1:80/a b",
        "http://127.0.0.1:80/a\r\nHost: evil",
        "http://127.0.0.1:0/x",
        "http://127.0.0.1:65536/x",
        "http://127.0.0.1:123456/x",
        "ftp://127.0.0.1:80/x",
    ],
)
async def test_what_is_no_plain_address_is_refused(router: Running, address: str) -> None:
    """Nobody is connected to, the caller gets 503; no part of such an address reaches a wire."""
    assert gateway(address) is None
    async with calling(router.port) as caller:
        router.route("hello", address)
        answer = await caller.ask(get())

    assert (answer.status, answer.cause) == (503, "upstream_refused")


def certificate(folder: Path, address: str) -> tuple[Path, ssl.SSLContext]:
    """Write a certificate of ``address``; return it, and a server's context that has its key."""
    pem, private = folder / "certificate.pem", folder / "key.pem"
    command = ["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=gateway", "-newkey", "ec"]
    command += ["-pkeyopt", "ec_paramgen_curve:P-256", "-addext", f"subjectAltName=IP:{address}"]
    openssl = program("openssl", "openssl")
    subprocess.run(
        [openssl, *command, "-out", pem, "-keyout", private], check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    return pem, context


@pytest.mark.parametrize(("name", "status"), [("127.0.0.1", 200), ("127.0.0.2", 503)])
async def test_https_is_verified(
    router: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, status: int
) -> None:
    """A certificate of the gateway's own name is taken, another one is not, and no word is sent."""
    pem, tls = certificate(tmp_path, name)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    async with listening(tls) as (served, port), calling(router.port) as caller:
        router.route("hello", f"https://127.0.0.1:{port}{PATH}")
        answer = await caller.ask(post(b"body", "/hello/x"))

    assert answer.status == status
    assert [request.target for request in served.requests] == [f"{PATH}/x"] * (status == 200)


async def test_an_untrusted_certificate_is_refused(router: Running, tmp_path: Path) -> None:
    """Nobody vouches for it: 503, and nothing was sent."""
    _, tls = certificate(tmp_path, "127.0.0.1")
    async with listening(tls) as (served, port), calling(router.port) as caller:
        router.route("hello", f"https://127.0.0.1:{port}{PATH}")
        answer = await caller.ask(get())

    assert (answer.status, served.requests) == (503, [])
