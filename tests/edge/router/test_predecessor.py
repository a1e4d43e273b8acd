"""The predecessor's table of hosts and paths, row by row: what holds, and what was its bug.

Its router rewrote to ``/function/<label>-<path>`` at a gateway, which took the name off again: a
function saw the rest of the path, as it does here.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Final, NamedTuple

import pytest

from consumers.planner.labels import RESERVED, allot
from schemas.route import RouteOptions
from tests.edge.router.conftest import Running, Start
from tests.edge.router.wire import Upstream, calling, echo, get, upstream

ROOT: Final = "o6s.io"
FUNCTIONS: Final = (
    ("alexellis", "kubecon-tester"),
    ("alexellis", "fn"),
    ("git", "tarball"),
)


class Row(NamedTuple):
    """One row: what is asked, and who answers how."""

    host: str
    path: str
    status: int
    seen: str = ""  # what the function, or the platform, got; or where a 301 leads
    unlike: str = ""  # why it is not what the predecessor did


HOLDS: Final = (
    Row("alexellis.o6s.io", "/kubecon-tester", 200, "/"),
    Row("alexellis.o6s.io", "/fn/sub/path?a=1&b=2", 200, "/sub/path?a=1&b=2"),
    Row("alexellis.o6s.io", "/fn/", 200, "/"),
    Row("alexellis.o6s.io:8080", "/fn", 200, "/"),
    Row("alexellis.o6s.io", "/", 404),
    Row("system.o6s.io", "/dashboard", 200, "/dashboard"),
    Row("system.o6s.io:8081", "/dashboard/", 200, "/dashboard/"),
    Row("system.o6s.io", "/github-event", 200, "/github-event"),
    Row("system.o6s.io", "/list-functions?user=x", 200, "/list-functions?user=x"),
    Row(
        "localhost",
        "/function/system-metrics?function=x",
        200,
        "/function/system-metrics?function=x",
    ),
    Row("system.o6s.io", "/function/alexellis-fn", 200, "/"),
    Row("system.o6s.io", "/function/alexellis-fn/", 200, "/"),
    Row("system.o6s.io", "/function/alexellis-fn/sub/x?query=true", 200, "/sub/x?query=true"),
    Row("system.o6s.io", "/function/", 404),
    Row("alexellis.o6s.io", "//fn", 301, "/fn"),
    Row("alexellis.o6s.io", "/fn//x", 301, "/fn/x"),
    Row("alexellis.o6s.io", "/fn/../x", 301, "/x"),
)
DIFFERS: Final = (
    Row("alexellis.o6s.io", "/?x=1", 404, unlike="it called a function without a name"),
    Row("system.o6s.io", "/", 200, "/", unlike="the page is at /, nobody is sent on"),
    Row("o6s.io", "/x", 404, unlike="400 for a host that is well-formed, and nobody's"),
    Row("o6s", "/x", 404, unlike="400 for a host that is well-formed, and nobody's"),
    Row("a.b.o6s.io", "/fn", 404, unlike="the first label counted, whatever came behind"),
    Row("alexellis.evil.io", "/fn", 404, unlike="any root domain was ours"),
    Row("10.0.0.1", "/fn", 404, unlike="10 was taken for a tenant"),
    Row("AlexEllis.o6s.io", "/fn", 200, "/", unlike="host names have no case"),
    Row("AlexEllis.o6s.io", "/Fn", 404, unlike="functions' names have, as theirs had"),
    Row("alexellis.o6s.io", "/fn%2Fx", 400, unlike="policy and upstream read it differently"),
    Row("git.o6s.io", "/tarball", 200, "/", unlike="it blocked whatever began with tar"),
    Row("git.o6s.io", "/tar", 404, unlike="401 for a path that is nobody's"),
    Row("list.o6s.io", "/functions?user=x", 404, unlike="a prefix was guarded, not a name"),
    Row("list.o6s.io", "/functions/%25zz?user=victim", 404, unlike="200: past its auth"),
    Row("auth.system.o6s.io", "/oauth2/authorized?code=1", 404, unlike="no sign-in lives there"),
    Row("auth.systemevil.o6s.io", "/healthz/", 404, unlike="a prefix of the host was trusted"),
    Row("auth.o6s.io", "/x", 404, unlike="it could be a tenant's"),
    Row("alexellis.o6s.io", "/healthz", 404, unlike="it answered OK on any host"),
    Row("system.o6s.io", "/function/alexellis-fn.openfaas-fn", 404, unlike="there are none"),
    Row("alexellis.o6s.io", "/fn.kube-system", 404, unlike="any namespace was in reach"),
    Row("alexellis.o6s.io", "/fn%20x", 404, unlike="200: past its auth"),
    Row("alexellis.o6s.io", "/..%2f;/fn", 400, unlike="200: past its auth"),
)


@pytest.fixture
async def router(start: Start) -> AsyncIterator[tuple[Running, list[Upstream]]]:
    """Yield a router of their root domain, with a platform and some tenants."""
    async with start(root_domain=ROOT) as running, AsyncExitStack() as stack:
        names = ["platform.sock", *(f"{label}-{name}.sock" for label, name in FUNCTIONS)]
        served = [
            await stack.enter_async_context(upstream(running.run / name, echo)) for name in names
        ]
        for (label, function), name in zip(FUNCTIONS, names[1:], strict=True):
            running.route(function, f"unix:{name}", label=label)
        yield running, served


@pytest.mark.conformance("provider path parsing")
@pytest.mark.conformance("makeHandler: root")
@pytest.mark.conformance("makeHandler: slashes")
@pytest.mark.conformance("makeHandler: no sub-domain")
@pytest.mark.conformance("makeHandler: path")
@pytest.mark.weakness(1)
@pytest.mark.weakness(20)
@pytest.mark.parametrize("row", [*HOLDS, *DIFFERS], ids=lambda row: f"{row.host}{row.path}")
async def test_each_row(router: tuple[Running, list[Upstream]], row: Row) -> None:
    """Who is asked for answers, with the rest of the path; nobody else learns of it."""
    running, served = router
    async with calling(running.port) as caller:
        answer = await caller.ask(get(row.path, host=row.host))

    got = [request.target for one in served for request in one.requests]
    assert answer.status == row.status, answer
    if row.status == 301:
        assert (answer.headers["location"], got) == (row.seen, [])
    else:
        assert got == ([row.seen] if row.seen else [])


@pytest.mark.weakness(1)
@pytest.mark.parametrize("path", ["/fn/%25zz", "/fn/;x", "/fn/%20", "/fn/a%2Fb", "/fn?r=%zz"])
async def test_what_got_past_its_auth_is_decided_like_any_other(
    router: tuple[Running, list[Upstream]], path: str
) -> None:
    """400, 404 and 500 of its auth service meant yes; here nothing but yes does."""
    running, served = router
    options = RouteOptions(policy="members")
    running.route("fn", "unix:alexellis-fn.sock", label="alexellis", options=options)
    async with calling(running.port) as caller:
        answer = await caller.ask(get(path, host="alexellis.o6s.io"))

    assert answer.status in (400, 401)
    assert not any(one.requests for one in served)


@pytest.mark.weakness(20)
@pytest.mark.parametrize("name", ["system", "auth", "git", "function", "api"])
def test_reserved_names_are_reserved_whole(name: str) -> None:
    """A tenant gets another label for the very name, and its own for one that begins so."""
    assert name in RESERVED
    assert allot(name, ()) == f"{name}-2"
    assert allot(f"{name}x", ()) == f"{name}x"
