"""Where a request goes, and what the upstream is given."""

import re

import pytest

from tests.edge.router.conftest import Running, Start
from tests.edge.router.wire import Upstream, calling, echo, get, post, upstream


@pytest.mark.parametrize(
    ("path", "onward"),
    [
        ("/hello", "/"),
        ("/hello/", "/"),
        ("/hello?x=1", "/?x=1"),
        ("/hello/sub?x=1&y=%zz", "/sub?x=1&y=%zz"),
        ("/hello/a%2Fb/", "/a%2Fb/"),
        ("/%68ello/%7euser/%e2%82%ac", "/~user/%E2%82%AC"),
        ("/hello/.well-known/x..y", "/.well-known/x..y"),
        ("http://alice.localhost/hello/abs?q", "/abs?q"),
    ],
)
async def test_function_gets_the_path_after_its_name(
    router: Running, hello: Upstream, path: str, onward: str
) -> None:
    """The name is taken off, the rest arrives in its one canonical form, the query untouched."""
    async with calling(router.port) as caller:
        answer = await caller.ask(get(path))

    assert (answer.status, answer.body.decode()) == (200, f"GET {onward} ")
    assert [request.target for request in hello.requests] == [onward]


@pytest.mark.weakness(20)
async def test_upstream_learns_of_the_caller(router: Running, hello: Upstream) -> None:
    """Host stays, X-Forwarded-* are ours alone, hop-by-hop fields and those named go."""
    forged = ("X-Forwarded-For: 6.6.6.6", "X_Forwarded_For: 6.6.6.6", "Forwarded: for=6.6.6.6")
    hop = ("Connection: keep-alive, X-Mine", "X-Mine: 1", "Keep-Alive: 5", "TE: gzip")
    async with calling(router.port) as caller:
        await caller.ask(get("/hello", *forged, *hop, "X-Yours: 2", host="alice.localhost:8080"))

    headers = hello.requests[0].headers
    call_id = headers.pop("x-call-id")
    assert headers.pop("x-request-id") == call_id
    assert headers.pop("traceparent")[0].split("-")[1] == call_id[0].replace("-", "")
    assert re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", call_id[0]
    )
    assert headers == {
        "host": ["alice.localhost:8080"],
        "x-forwarded-host": ["alice.localhost:8080"],
        "x-forwarded-proto": ["http"],
        "x-forwarded-for": ["127.0.0.1"],
        "forwarded": ['for=127.0.0.1;host="alice.localhost:8080";proto=http'],
        "x-yours": ["2"],
    }


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8080", "127.0.0.1:9", "[::1]:9", "system.localhost", "mine.lan"],
)
async def test_platform_hosts_get_the_whole_path(start: Start, host: str) -> None:
    """The platform's own hosts go to its socket, path untouched, whatever the port."""
    async with (
        start(platform_hosts=("mine.lan",)) as running,
        upstream(running.run / "platform.sock", echo),
        calling(running.port) as caller,
    ):
        answer = await caller.ask(get("/api/runs?x", host=host))
        other = await caller.ask(get("/api/runs?x", host=f"evil-{host.strip('[')}"))

    assert answer.body == b"GET /api/runs?x "
    assert other.status in (400, 404)


@pytest.mark.usefixtures("hello")
async def test_joined_names_match_known_routes_alone(router: Running) -> None:
    """/function/<label>-<function> is looked up, never split; a shared name calls nobody."""
    async with calling(router.port) as caller:
        found = await caller.ask(get("/function/alice-hello/sub?x", host="localhost"))
        missing = await caller.ask(get("/function/alice-hell", host="localhost"))
        router.route("b-c", "unix:fn-1.sock", label="a")
        router.route("c", "unix:fn-1.sock", label="a-b")
        shared = await caller.ask(get("/function/a-b-c", host="localhost"))
        router.router.table.apply("a/production/b-c", None)
        alone = await caller.ask(get("/function/a-b-c", host="localhost"))

    assert found.body == b"GET /sub?x "
    assert (missing.status, missing.cause) == (404, "no_function")
    assert (shared.status, shared.cause) == (404, "ambiguous_name")
    assert alone.status == 200


@pytest.mark.usefixtures("hello")
async def test_unknown_hosts_and_functions_are_told_apart(router: Running) -> None:
    """404 says whether the host or the function is unknown; the connection stays usable."""
    async with calling(router.port) as caller:
        host = await caller.ask(get(host="bob.localhost"))
        function = await caller.ask(get("/hell"))
        root = await caller.ask(get("/"))
        there = await caller.ask(get())

    assert [(one.status, one.cause) for one in (host, function, root)] == [
        (404, "no_host"),
        (404, "no_function"),
        (404, "no_function"),
    ]
    assert there.status == 200
    assert "pushline functions ls" in function.body.decode()


async def test_a_switch_takes_the_next_request(router: Running, hello: Upstream) -> None:
    """A new route answers at once, also on a kept connection; idle upstream ones are dropped."""
    async with upstream(router.run / "fn-2.sock", echo) as second, calling(router.port) as caller:
        await caller.ask(get())
        router.route("hello", "unix:fn-2.sock")
        await caller.ask(post(b"x"))
        router.router.table.apply("alice/production/hello", None)
        gone = await caller.ask(get())

    assert (len(hello.requests), len(second.requests), gone.cause) == (1, 1, "no_host")
