"""Policy: the whole table of decisions, and what of it callers see."""

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.router import causes, policy
from edge.router.causes import Cause, Refused
from edge.router.policy import Asked, Caller, KnowsNobody, Verifier, credentials, decide
from edge.router.request import FieldParser
from schemas.route import POLICIES, RouteOptions
from tests.edge.router.conftest import Running
from tests.edge.router.wire import Upstream, calling, echo, get, post, until, upstream

ASKED = Asked(b"alice.localhost", "/hello", "alice", "hello", b"Bearer good")
STRANGER = Caller("person", "bob", frozenset({"bob"}))
MEMBER = Caller("person", "ann", frozenset({"alice"}))
OTHER_TOKEN = Caller("token", "t1", frozenset({"bob"}))
TOKEN = Caller("token", "t2", frozenset({"alice"}))


class Knows:
    """A verifier that knows one caller, and remembers what it was asked."""

    def __init__(self, caller: Caller | None) -> None:
        """Know ``caller`` by the credentials ``Bearer good`` alone."""
        self.caller = caller
        self.asked: list[Asked] = []

    def verify(self, asked: Asked) -> Caller | None:
        """Return the caller for its credentials."""
        self.asked.append(asked)
        return self.caller if asked.authorization == b"Bearer good" else None


class Breaks:
    """A verifier that is down."""

    def verify(self, asked: Asked) -> Caller | None:
        """Fail."""
        raise ConnectionError(asked.path)


class Odd:
    """A verifier that answers what is no caller."""

    def verify(self, asked: Asked) -> Caller | None:  # noqa: ARG002
        """Return something else."""
        return "yes"  # type: ignore[return-value]


YES, WHO, NO, DOWN = None, causes.SIGN_IN, causes.NOT_ALLOWED, causes.POLICY_UNAVAILABLE
TABLE: dict[str, list[tuple[Verifier, Cause | None]]] = {
    "public": [(KnowsNobody(), YES), (Knows(STRANGER), YES), (Breaks(), YES)],
    "signed-in": [
        (KnowsNobody(), WHO),
        (Knows(None), WHO),
        (Knows(STRANGER), YES),
        (Knows(MEMBER), YES),
        (Knows(TOKEN), NO),
        (Breaks(), DOWN),
        (Odd(), DOWN),
    ],
    "members": [
        (KnowsNobody(), WHO),
        (Knows(None), WHO),
        (Knows(STRANGER), NO),
        (Knows(MEMBER), YES),
        (Knows(TOKEN), NO),
        (Breaks(), DOWN),
        (Odd(), DOWN),
    ],
    "token": [
        (KnowsNobody(), WHO),
        (Knows(None), WHO),
        (Knows(MEMBER), NO),
        (Knows(OTHER_TOKEN), NO),
        (Knows(TOKEN), YES),
        (Breaks(), DOWN),
        (Odd(), DOWN),
    ],
}
ROWS = [(name, *row) for name, rows in TABLE.items() for row in rows]


@pytest.mark.parametrize(("name", "verifier", "expected"), ROWS)
def test_the_table_of_decisions(name: str, verifier: Verifier, expected: Cause | None) -> None:
    """Each policy, for nobody, a stranger, a member, a token, and a verifier that is down."""
    assert decide(name, ASKED, verifier) == expected


def test_each_policy_that_a_stack_may_name_is_in_the_table() -> None:
    """A policy without a check would be refused; one without a row here was not thought of."""
    assert set(TABLE) == set(POLICIES)


@pytest.mark.parametrize("name", ["", "Public", "public ", "admins", "members,public"])
def test_an_unknown_policy_lets_nobody_in(name: str) -> None:
    """Of a newer release, or of a damaged fact: closed, whoever asks."""
    assert decide(name, ASKED, Knows(MEMBER)) == causes.POLICY_UNKNOWN


def test_two_authorizations_are_none() -> None:
    """What the function reads first might not be what was verified."""
    twice = b"Host: x\r\nAuthorization: Bearer good\r\nauthorization: Bearer bad\r\n"
    once = b"Host: x\r\nX-Authorization: no\r\nAUTHORIZATION: Bearer good\r\nCookie: a=1\r\n"

    assert credentials(once + b"X: %b\r\n" % (b"x" * 4096)) == (b"Bearer good", b"a=1")
    assert credentials(twice) == (b"", b"")
    assert credentials(once + b"cookie: b=2\r\n") == (b"Bearer good", b"a=1; b=2")


NAMES = [b"Authorization", b"authorization", b"AUTHORIZATION", b"Cookie", b"Author", b"Connection"]
VALUES = st.sampled_from(
    [
        b"Bearer good",
        b"Bearer bad",
        b"",
        b" ",
        b"a=1",
        b"authorization",
        b"cookie",
        b"close",
        b"\xff",
    ]
)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([b": ", b":", b":\t "]), VALUES)))
def test_the_credentials_that_are_judged_are_those_that_arrive(
    lines: list[tuple[bytes, bytes, bytes]],
) -> None:
    """However they are written, doubled or dropped on the way: h11 reads the same behind us."""
    block = b"Host: alice.localhost\r\n" + b"".join(b"%b%b%b\r\n" % line for line in lines)
    try:
        onward = FieldParser("http").parse(block).onward
    except Refused:
        return
    server = h11.Connection(h11.SERVER)
    server.receive_data(b"GET / HTTP/1.1\r\n" + onward + b"\r\n")
    request = server.next_event()
    assert isinstance(request, h11.Request)
    arrived = [value for name, value in request.headers if name == b"authorization"]
    cookies = [value for name, value in request.headers if name == b"cookie"]

    assert credentials(onward) == (arrived[0] if len(arrived) == 1 else b"", b"; ".join(cookies))


@pytest.mark.parametrize("name", ["signed-in", "members", "token"])
async def test_what_is_not_public_is_closed_without_sign_in(
    router: Running, hello: Upstream, name: str
) -> None:
    """401 with a challenge, before the upstream learns of it; the connection stays usable."""
    router.route("closed", "unix:fn-1.sock", options=RouteOptions(policy=name))
    async with calling(router.port) as caller:
        refused = await caller.ask(get("/closed"))
        with_body = await caller.ask(get("/hello"))

    assert (refused.status, refused.cause) == (401, "sign_in")
    assert refused.headers["www-authenticate"] == 'Bearer realm="pushline"'
    assert with_body.status == 200
    assert [one.target for one in hello.requests] == ["/"]


async def test_an_unknown_policy_is_403(router: Running, hello: Upstream) -> None:
    """The route is there, and closed until the router knows better."""
    router.route("odd", "unix:fn-1.sock", options=RouteOptions(policy="of-tomorrow"))
    async with calling(router.port) as caller:
        refused = await caller.ask(post(b"x", "/odd"))

    assert (refused.status, refused.cause) == (403, "policy_unknown")
    assert hello.requests == []


async def test_policy_sees_what_the_function_gets(router: Running, hello: Upstream) -> None:
    """The canonical host and path; a header that goes no further is no credential."""
    knows = Knows(MEMBER)
    router.router.table.verifier = knows
    router.route("inner", "unix:fn-1.sock", options=RouteOptions(policy="members"))
    ask = b"GET /inner/%7Euser HTTP/1.1\r\nHost: ALICE.localhost.:8080\r\n"
    async with calling(router.port) as caller:
        good = await caller.ask(ask + b"Authorization: Bearer good\r\n\r\n")
        dropped = await caller.ask(
            ask + b"Connection: authorization\r\nAuthorization: Bearer good\r\n\r\n"
        )

    assert (good.status, dropped.status) == (200, 401)
    assert knows.asked[0] == Asked(
        b"alice.localhost", "/inner/~user", "alice", "inner", b"Bearer good"
    )
    assert knows.asked[1].authorization == b""
    assert [one.target for one in hello.requests] == ["/~user"]


async def test_a_route_that_closes_while_a_request_waits_for_it_is_closed(
    router: Running,
) -> None:
    """Found open, looked up anew once its upstream is there: the new policy holds."""
    router.route("hello", "unix:gone.sock")
    closed = RouteOptions(policy="members")
    async with upstream(router.run / "new.sock", echo) as served, calling(router.port) as caller:
        await caller.send(get())
        await until(lambda: any(front.dialing for front in router.router.fronts))
        router.route("hello", "unix:new.sock", options=closed)
        answer = await caller.answer()

    assert (answer.status, answer.cause) == (401, "sign_in")
    assert served.requests == []


def test_nothing_of_the_credentials_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A verifier that breaks is told of by the error's kind alone."""
    policy.decide("members", ASKED, Breaks())

    assert "good" not in caplog.text
