"""Credentials of ours: none reaches a function, none comes from one, and all else passes."""

import asyncio
import base64

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.auth.settings import AuthSettings, digest
from edge.router.causes import Refused
from edge.router.ours import Ours
from edge.router.request import FieldParser
from tests.edge.router.conftest import Running, Start
from tests.edge.router.wire import Received, Upstream, calling, get, post, upstream

AUTH = AuthSettings(token_digest=digest("the one token"))

NAMES = [b"Authorization", b"authorization", b"AUTHORIZATION", b"Cookie", b"Author", b"Connection"]
GOOD = b"plt_" + b"a" * 12 + b"_" + b"b" * 64
VALUES = st.sampled_from(
    [
        b"Bearer " + GOOD,
        b"bearer\t" + GOOD,
        b"Bearer bad",
        b"Basic " + base64.b64encode(b"me:" + GOOD),
        b"",
        b"a=1; pushline=x.y.z",
        b"pushline=x.y.z;__Host-pushline=1",
        b"__HOST-PUSHLINE = 2;pushline-login=3; b=2",
        b"authorization",
        b"cookie",
        b"\xff",
    ]
)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([b": ", b":", b":\t "]), VALUES)))
def test_no_credential_of_ours_arrives_and_all_else_does(
    lines: list[tuple[bytes, bytes, bytes]],
) -> None:
    """However they are written and doubled: h11 reads what arrives as a function does."""
    block = b"Host: alice.localhost\r\n" + b"".join(b"%b%b%b\r\n" % line for line in lines)
    try:
        fields = FieldParser("http", ours=Ours(AUTH)).parse(block)
    except Refused:
        return
    whole, bare = read(fields.onward), read(fields.bare)

    tokens = [value for name, value in bare if name == b"authorization"]
    assert not any(GOOD in value or b"bWU6" in value for value in tokens)
    assert not any(b"pushline" in value.lower() for name, value in bare if name == b"cookie")
    assert [one for one in whole if one[0] not in (b"authorization", b"cookie")] == [
        one for one in bare if one[0] not in (b"authorization", b"cookie")
    ]
    if fields.bare == fields.onward:
        assert (fields.token, fields.session) == (b"", b"")


def read(onward: bytes) -> list[tuple[bytes, bytes]]:
    """Return the header fields as a server has them."""
    server = h11.Connection(h11.SERVER)
    server.receive_data(b"GET / HTTP/1.1\r\n" + onward + b"\r\n")
    request = server.next_event()
    assert isinstance(request, h11.Request)
    return list(request.headers)


@pytest.mark.weakness(2)
def test_two_tokens_and_two_sessions_are_none() -> None:
    """Nobody can tell which is meant; a page of a sibling host may have written one."""
    parser = FieldParser("http", ours=Ours(AUTH))
    host, bearer = b"Host: x\r\n", b"Authorization: Bearer " + GOOD + b"\r\n"

    assert parser.parse(host + bearer).token == GOOD
    assert parser.parse(host + bearer + b"authorization: Basic eDp5\r\n").token == b""
    assert parser.parse(host + b"Cookie: pushline=a\r\n").session == b"a"
    assert parser.parse(host + b"Cookie: pushline=a; pushline=b\r\n").session == b""
    assert parser.parse(host + b"Cookie: pushline=a\r\nCookie: pushline=b\r\n").session == b""
    assert parser.parse(host + b"Connection: authorization\r\n" + bearer).token == b""


async def test_a_function_sets_no_cookie_of_ours_and_the_platform_does(start: Start) -> None:
    """Whoever could would choose as whom his visitors are signed in; other cookies pass."""

    async def setting(_: Received, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie: pushline=mine; Domain=test\r\n"
            b"SET-COOKIE: __host-Pushline=mine\r\nContent-Length: 0\r\n\r\n"
        )

    heads: list[bytes] = []
    async with (
        start() as running,
        upstream(running.run / "fn.sock", setting),
        upstream(running.run / "platform.sock", setting),
    ):
        running.route("hello", "unix:fn.sock")
        async with calling(running.port) as caller:
            for _ in range(3):
                await caller.send(get("/hello"))
                heads.append(await caller.reader.readuntil(b"\r\n\r\n"))
                await caller.send(get("/hello", host="system.localhost"))
                heads.append(await caller.reader.readuntil(b"\r\n\r\n"))

    bare = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: a=1\r\n\r\n"
    assert heads[::2] == [bare] * 3
    assert [head.lower().count(b"pushline") for head in heads[1::2]] == [2] * 3


async def test_a_page_of_a_function_is_none_of_the_platforms(
    router: Running, hello: Upstream
) -> None:
    """By its joined name it answers on our own host: there it is in an origin of its own."""
    async with calling(router.port) as caller:
        joined = await caller.ask(get("/function/alice-hello", host="system.localhost"))
        posted = post(b"x" * 100_000, "/function/alice-hello/x")
        large = await caller.ask(posted.replace(b"alice.localhost", b"localhost"))
        own = await caller.ask(get("/hello"))

    for answer in (joined, large):
        assert answer.status == 200
        assert answer.headers["content-security-policy"] == "sandbox allow-scripts allow-forms"
    assert "content-security-policy" not in own.headers
    assert len(hello.requests) == 3
