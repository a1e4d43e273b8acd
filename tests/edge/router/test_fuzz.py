"""A fuzzer: what was decided on is what arrives, and requests end where other parsers end them.

Streams of requests, each made of pieces that are usual or hostile, cut anywhere. Three readers are
compared: the router, by what its table was asked; llhttp and h11, by what they read of the
caller's own bytes and of those that reached the upstream.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import pairwise
from typing import NamedTuple

import httptools
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from edge.router import address
from edge.router.causes import Refused
from edge.router.request import Line
from edge.router.target import Target
from tests.edge.router.conftest import Running
from tests.edge.router.recorder import Recorder, Whole, read_by_h11, recording
from tests.edge.router.wire import calling

LAST = b"GET /hello/last HTTP/1.1\r\nHost: alice.localhost\r\nConnection: close\r\n\r\n"
WAIT = 0.4  # seconds for a request that never ends

HOST = st.sampled_from((
    *("alice.localhost",) * 60, "ALICE.localhost", "alice.localhost.", "alice.localhost:080",
    "localhost", "[0::1]:80", "bob.localhost", "alice..localhost", "alice.localhost/x",
    "alice.localhost@bob", "", "1.2",
))  # fmt: skip
SEGMENT = st.sampled_from((
    *("/a", "~", ";", "%2F", "%41", "%252e", "%25zz", "%20", "?") * 6, "/", "/.",
    "/..", "//", "%2e", "%5C", "%00", "%zz", "%c0%ae", "\\",
    "%3b", "#", "%", "é", "..;x", "_", "%E2%82%AC",
))  # fmt: skip
SEGMENTS = st.lists(SEGMENT, max_size=6).map("".join)
START = st.sampled_from((
    *("/hello", "/hello/a") * 20, "/%68ello",
    "/function/alice-hello", "http://alice.localhost/hello", "",
))  # fmt: skip
FIELD = st.sampled_from((
    *(
        "X-A: 1", "X-A:1", "X-A:  1 ", "Accept: */*", "Connection: keep-alive", "X-A: \x80\xff",
        "Connection: Content-Length", "Connection: Host, X-Forwarded-For", "Upgrade: h2c",
        "X-Forwarded-For: 6.6.6.6", "X_Forwarded_For: 6.6.6.6", "Forwarded: for=6.6.6.6",
        "Content_Length: 3", "Transfer_Encoding: chunked", "Proxy: 6.6.6.6",
        "X-Original-URL: /6.6.6.6",
    ) * 4,
    "Expect: x", " folded", "\tx", "X-A : 1", "X-A\x00: 1", "X-A: \x0b", "nonsense", ": x",
    "X-A: 1\rX-B: 2",
    "Host: bob.localhost", "Content-Length: 0", "Transfer-Encoding: identity",
))  # fmt: skip
CHUNKED = "Transfer-Encoding: chunked"
BODY = "3\r\nabc\r\n0\r\n\r\n"
FRAMED = st.sampled_from((
    *(("", ""), ("Content-Length: 3", "abc"), (CHUNKED, BODY)) * 12,
    ("Content-Length: 3\r\nContent-Length: 3", "abc"),
    ("Content-Length: +3", "abc"),
    ("Content-Length: 5\r\n" + CHUNKED, "0\r\n\r\n"),
    (CHUNKED + "\r\nContent-Length: 3", BODY),
    ("Transfer-Encoding: Chunked", "0003\r\nabc\r\n0\r\nX-A: 1\r\n\r\n"),
    (CHUNKED, "3;a=b\r\nabc\r\n0\r\n\r\n"),
    (CHUNKED, "3\nabc\n0\n\n"),
    (CHUNKED, "3\r\nabcd\r\n0\r\n\r\n"),
    (CHUNKED, "0\r\nContent-Length: 9\r\n\r\n"),
    (CHUNKED, "ffffffffffffffff\r\nabc"),
    ("Transfer-Encoding:\x0bchunked", "0\r\n\r\n"),
    (CHUNKED + "\r\n ,identity", "0\r\n\r\n"),
    ("Content-Length: 1", "abc"),
    ("Content-Length: 0", "GET /hello/inner HTTP/1.1\r\nHost: alice.localhost\r\n\r\n"),
))  # fmt: skip
METHOD = st.sampled_from((*("GET", "POST", "PUT") * 10, "get", "TRACE"))
END = st.sampled_from((*("\r\n",) * 300, "\n", "\r", "\r\r\n", "\x00\r\n"))
VERSION = st.sampled_from((*("HTTP/1.1",) * 60, "HTTP/1.0", "HTTP/1.2", "http/1.1", "HTTP/1.1 "))


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Return the bytes of one request."""
    framing, body = draw(FRAMED)
    lines = [f"{draw(METHOD)} {draw(START)}{draw(SEGMENTS)} {draw(VERSION)}", f"Host: {draw(HOST)}"]
    fields = draw(st.lists(FIELD, max_size=3))
    if framing:
        fields.insert(draw(st.integers(0, len(fields))), framing)
    head = "".join(line + draw(END) for line in lines + fields)
    return (head + "\r\n" + body).encode("latin-1")


class Decided(NamedTuple):
    """What the table was asked, and said yes to."""

    host: bytes
    method: str
    path: bytes  # what the upstream is to get


class Watched(NamedTuple):
    """A router whose decisions are written down, and its upstream."""

    port: int
    upstream: Recorder
    decided: list[Decided]


@pytest.fixture
async def watched(router: Running, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    """Yield a router that routes to a recorder, and writes down what its table was asked."""
    decided: list[Decided] = []
    find = router.router.table.find

    def finding(host: bytes, line: Line) -> Target:
        target = find(host, line)
        path = b"/" + b"/".join(line.shown.encode().split(b"/")[1 + target.depth :])
        decided.append(Decided(host, line.method, path))
        return target

    monkeypatch.setattr(router.router.table, "find", finding)
    async with recording(router.run / "fn.sock") as upstream:
        router.route("hello", "unix:fn.sock")
        yield Watched(router.port, upstream, decided)


async def statuses(port: int, pieces: list[bytes]) -> list[int]:
    """Send the pieces; return the statuses of all answers until the router hangs up."""
    found: list[int] = []
    async with calling(port) as caller:
        try:
            async with asyncio.timeout(WAIT):
                for piece in pieces:
                    caller.writer.write(piece)
                    await asyncio.sleep(0)
                while not caller.reader.at_eof():
                    found.append((await caller.answer()).status)
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            pass
    return found


class Reading:
    """Requests as llhttp reads them, until one that it refuses."""

    def __init__(self, raw: bytes) -> None:
        """Read all of ``raw``."""
        self.found: list[Whole] = []
        self.parser = httptools.HttpRequestParser(self)
        self.url = self.body = b""
        with suppress(httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.parser.feed_data(raw)

    def on_url(self, part: bytes) -> None:
        """Take a part of the target."""
        self.url += part

    def on_body(self, part: bytes) -> None:
        """Take a part of the body."""
        self.body += part

    def on_message_complete(self) -> None:
        """Take a whole request."""
        method = self.parser.get_method().decode()
        self.found.append(Whole(method, self.url.decode("latin-1"), self.body))
        self.url = self.body = b""


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    stream=st.lists(requests(), min_size=1, max_size=3).map(b"".join),
    cuts=st.lists(st.integers(1, 400), max_size=4),
)
async def test_what_was_decided_is_what_arrives(
    watched: Watched, stream: bytes, cuts: list[int]
) -> None:
    """Host, method, path and the ends of bodies are the same to table, upstream and others."""
    upstream, sent = watched.upstream, stream + LAST
    upstream.clear()
    watched.decided.clear()
    edges = [0, *sorted(cut for cut in set(cuts) if cut < len(sent)), len(sent)]
    pieces = [sent[start:end] for start, end in pairwise(edges)]

    said = await statuses(watched.port, pieces)

    arrived = upstream.requests
    event(f"{len(arrived)} arrived")
    assert upstream.broken == []
    assert upstream.by_h11() == arrived
    assert b"6.6.6.6" not in upstream.raw
    decided = watched.decided[: len(arrived)]
    assert [one.method for one in decided] == [one.method for one in arrived]
    assert [one.path for one in decided] == [path_of(one) for one in arrived]
    assert [one.host for one in decided] == hosts_in(upstream.raw)[: len(arrived)]
    same_ends(sent, said, arrived)


def path_of(one: Whole) -> bytes:
    """Return the path of what arrived; it is canonical."""
    path = one.target.encode("latin-1").partition(b"?")[0]
    assert address.path(b"/hello" + path) == b"/hello" + path
    return path


def hosts_in(raw: bytes) -> list[bytes]:
    """Return the hosts of all requests, each with one Host header in its canonical form."""
    found = re.findall(rb"\r\nHost: ([^\r]*)\r\n", raw)
    assert [address.authority(one).whole for one in found] == found
    return [address.host(one) for one in found]


def same_ends(sent: bytes, said: list[int], arrived: list[Whole]) -> None:
    """See that other parsers take the requests that the router took, and end them where it did."""
    accepted = [at for at, status in enumerate(said) if status == 200]
    for read in (Reading(sent).found, read_by_h11(sent)):
        for at, one in zip(accepted, arrived, strict=False):
            assert at < len(read), f"request {at} is none to a stricter reader"
            assert (one.method, one.body) == (read[at].method, read[at].body)


@given(st.binary(max_size=40))
def test_a_host_is_canonical_or_refused(raw: bytes) -> None:
    """Reading the canonical host again changes nothing."""
    try:
        found = address.authority(raw)
    except Refused:
        return
    assert address.authority(found.whole) == found
    assert found.host == found.host.lower()


TARGET = st.tuples(START, SEGMENTS).map(lambda parts: "".join(parts).encode("latin-1"))


@settings(max_examples=1000)
@given(TARGET)
def test_a_clean_path_is_a_fixed_point(raw: bytes) -> None:
    """Canonical or clean, it is read as itself, climbs nowhere, and leads to no other host."""
    try:
        _, path, query = address.split(raw)
    except address.NotClean as other:
        path, mark, rest = other.clean.partition(b"?")
        query = mark + rest
    except Refused:
        return
    assert address.split(path + query) == (b"", path, query)
    assert path.startswith(b"/")
    assert not path.startswith(b"//")
    decoded = path.replace(b"%2F", b"/").replace(b"%5C", b"/")
    assert not {b"..", b".", b""} & set(decoded.strip(b"/").split(b"/")) - {b""} or decoded == b"/"
