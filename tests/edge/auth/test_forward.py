"""Forward-auth behind the real nginx, Traefik and Caddy, with the files that deploy/ shows."""

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
import uvicorn
from aiohttp import web
from yarl import URL

from bus.connection import Bus
from edge.auth.forward import FORWARD, VERIFY, ForwardAuth, to_sign_in, unauthorized
from edge.auth.people import Person
from edge.auth.protected import parse
from edge.auth.room import Auth
from edge.auth.settings import AuthSettings
from tests.heavy import proxies
from tests.heavy.proxies import SHOWN, Place, Proxy

HOST = "grafana.localhost"
Start = Callable[[Place, Path, Mapping[str, str]], list[str]]
SHAPES: dict[str, Start] = {
    "nginx.conf": proxies.nginx,
    "Caddyfile": proxies.caddy,
    "traefik.yaml": proxies.traefik,
}
PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}


@pytest.fixture
async def auth(bus: Bus, tmp_path: Path) -> AsyncIterator[Auth]:
    """Yield auth on a real log, its folds following."""
    made = Auth.make(AuthSettings(scheme="https"), bus.log, tmp_path / "keys", None)
    folding = [asyncio.create_task(fold.run(bus.follow)) for fold in made.book.folds]
    await asyncio.to_thread(made.verifier.prepare)
    yield made
    for task in folding:
        task.cancel()
    await asyncio.gather(*folding, return_exceptions=True)


@dataclass
class Behind:
    """What stands behind the proxy: the program that is protected, and Pushline's router."""

    told: list[Mapping[str, str]] = field(
        default_factory=list
    )  # the heads that reached the program

    async def program(self, request: web.BaseRequest) -> web.Response:
        """Answer as the program."""
        self.told.append(dict(request.headers))
        return web.Response(text=f"program {request.method}")

    async def router(self, request: web.BaseRequest) -> web.Response:
        """Answer as the router."""
        return web.Response(text=f"router {request.host.partition(':')[0]} {request.path_qs}")


@asynccontextmanager
async def serving(
    handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
) -> AsyncIterator[int]:
    """Serve on a port of its own."""
    runner = web.ServerRunner(web.Server(handler))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@asynccontextmanager
async def asked_at(auth: Auth, rules: str) -> AsyncIterator[int]:
    """Serve both paths of forward-auth on a port."""
    known = parse(rules)
    paths = {
        VERIFY: ForwardAuth(auth.verifier, known, unauthorized),
        FORWARD: ForwardAuth(auth.verifier, known, to_sign_in),
    }

    async def application(scope: dict[str, str], receive: object, send: object) -> None:
        await paths[scope["path"]](scope, receive, send)  # type: ignore[arg-type]

    settings = uvicorn.Config(application, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(settings)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server.serve(sockets=[listener]))
        yield listener.getsockname()[1]
        server.should_exit = True
        await task


@dataclass
class Site:
    """The proxy, as a browser meets it."""

    session: aiohttp.ClientSession
    url: str
    behind: Behind
    auth: Auth

    async def ask(
        self, path: str = "/", *, method: str = "GET", **headers: str
    ) -> tuple[int, str, str]:
        """Return (status, body, where it leads to)."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(
            method, URL(self.url + path, encoded=True), headers=named, allow_redirects=False
        ) as answer:
            return answer.status, await answer.text(), answer.headers.get("Location", "")

    async def cookie(self, user: str = "github:1", *, host: str = HOST) -> str:
        """Sign somebody in; return the Cookie header of a host."""
        person = Person(user, "github:ann")
        signed = await self.auth.desk.sign_in(
            person, attempt=f"{user} {host}", via="github", source="here", host=host
        )
        return f"{self.auth.settings.cookie}={signed.token}"


@pytest.fixture(params=SHAPES)
async def site(request: pytest.FixtureRequest, auth: Auth, tmp_path: Path) -> AsyncIterator[Site]:
    """Yield a site that lets in whoever has signed in, behind each proxy."""
    shape: str = request.param
    folder = tmp_path / "proxy"
    folder.mkdir()
    behind = Behind()
    async with (
        serving(behind.program) as program,
        serving(behind.router) as router,
        asked_at(auth, f"{HOST}=signed-in") as asked,
        proxies.running(_proxy(shape, program, router, asked), folder, HOST) as port,
        aiohttp.ClientSession(connector=_to(folder)) as session,
    ):
        yield Site(session, f"https://{HOST}:{port}", behind, auth)


def _proxy(shape: str, program: int, router: int, asked: int) -> Proxy:
    def made(at: Place) -> list[str]:
        own = f"https://{HOST}:{at.port}" if shape == "Caddyfile" else HOST
        changes = {
            "grafana.example.org {": f"{own} {{",
            "grafana.example.org": HOST,
            "127.0.0.1:3000": f"127.0.0.1:{program}",
            "127.0.0.1:8080": f"127.0.0.1:{router}",
            "127.0.0.1:8082": f"127.0.0.1:{asked}",
        }
        return SHAPES[shape](at, SHOWN / "forward-auth" / shape, changes)

    return made


class Here(aiohttp.abc.AbstractResolver):
    """Finds every name on this machine."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[aiohttp.abc.ResolveResult]:
        """Return the loopback address."""
        del family
        found = {"hostname": host, "host": "127.0.0.1", "port": port}
        return [{**found, "family": socket.AF_INET, "proto": 0, "flags": 0}]  # type: ignore[typeddict-item]

    async def close(self) -> None:
        """Hold nothing."""


def _to(folder: Path) -> aiohttp.TCPConnector:
    trust = ssl.create_default_context(cafile=str(folder / "certificate.pem"))
    return aiohttp.TCPConnector(ssl=trust, resolver=Here())


async def test_a_proxy_lets_in_who_has_signed_in(site: Site) -> None:
    """Nobody is led to sign in and back, a script is told 401, a good session passes, named."""
    status, body, to = await site.ask("/d/1?from=now&to=%2f", **PAGE)
    assert (status, site.behind.told) == (303, [])
    assert (
        re.sub(r"^https://[^/]+", "", to) == "/.pushline/login?r=%2Fd%2F1%3Ffrom%3Dnow%26to%3D%252f"
    )
    assert (await site.ask(Accept="application/json"))[0] == 401

    cookie = await site.cookie()
    status, body, _ = await site.ask("/d/1", Cookie=cookie, X_Pushline_Login="github:admin")

    assert (status, body) == (200, "program GET")
    (told,) = site.behind.told
    assert (told["X-Pushline-User"], told["X-Pushline-Login"]) == ("github:1", "github:ann")


@pytest.mark.weakness(1)
async def test_what_opens_no_host(site: Site) -> None:
    """A forged cookie, one of another host, one that was signed out, and claims of the caller."""
    good = await site.cookie()
    assert (await site.ask(Cookie=good))[0] == 200
    forged = good[:-4] + ("AAAA" if not good.endswith("AAAA") else "BBBB")
    other = await site.cookie("github:2", host="wiki.localhost")
    name = site.auth.settings.cookie
    caller = site.auth.verifier.caller(authorization=b"", cookie=good.encode(), host=HOST)
    assert caller
    site.behind.told.clear()

    for cookie in (forged, other, f"{name}=x", f"{good}; {good}"):
        assert (await site.ask(Cookie=cookie))[0] == 401, cookie[:24]
    await site.auth.desk.sign_out(caller, everywhere=True)
    assert (await site.ask(Cookie=good))[0] == 401
    claims = {"X_Forwarded_Host": "open.localhost", "X_Pushline_User": "github:1"}
    assert (await site.ask(**claims))[0] in (401, 403)
    assert site.behind.told == []


async def test_another_sites_page_changes_nothing(site: Site) -> None:
    """A POST that a browser sends with our cookie for a page of another host is refused."""
    cookie = await site.cookie()
    port = site.url.rpartition(":")[2]

    foreign = await site.ask(method="POST", Cookie=cookie, Origin="https://alice.localhost")
    silent = await site.ask(method="POST", Cookie=cookie)
    own = await site.ask(method="POST", Cookie=cookie, Origin=f"https://{HOST}:{port}")

    assert [foreign[0], silent[0], own[0]] == [403, 403, 200]
    assert own[1] == "program POST"


async def test_signing_in_happens_under_the_hosts_own_name(site: Site) -> None:
    """Paths of ours reach the router with that host, asked or not, and never the program."""
    status, body, _ = await site.ask("/.pushline/login?r=%2Fd")

    assert (status, body) == (200, f"router {HOST} /.pushline/login?r=%2Fd")
    assert site.behind.told == []


async def test_only_named_hosts_can_be_opened(auth: Auth) -> None:
    """Whoever asks for a host that is not named, or tells it twice, gets no yes for anybody."""
    signed = await auth.desk.sign_in(
        Person("github:1", "github:ann"), attempt="1", via="github", source="here", host=HOST
    )
    cookie = {"Cookie": f"{auth.settings.cookie}={signed.token}", "X-Forwarded-Method": "GET"}
    async with (
        asked_at(auth, f"{HOST}=signed-in") as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):

        async def told(*hosts: str) -> int:
            headers = [*cookie.items(), *(("X-Forwarded-Host", host) for host in hosts)]
            async with session.get(VERIFY, headers=headers) as answer:
                return answer.status

        assert await told(HOST) == 200
        assert await told(f"{HOST.upper()}:443") == 200
        assert await told("other.localhost") == 403
        assert await told(HOST, HOST) == 403
        assert await told(f"{HOST}:x@evil.example") == 403
        assert await told() == 403
