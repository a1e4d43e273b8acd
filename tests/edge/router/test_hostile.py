"""Hostile bytes beside the corpus: what goes wrong late, and each parser fuzzed by itself."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.router.chunked import BadChunk, Chunked
from tests.edge.router.conftest import Running
from tests.edge.router.wire import Upstream, calling, get, post, until

POST = b"POST /hello HTTP/1.1\r\nHost: alice.localhost\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


async def test_malformed_chunk_late_in_a_body_cuts_the_upstream_off(
    router: Running, hello: Upstream
) -> None:
    """A body that goes wrong never ends for the upstream: it can't be taken for whole."""
    async with calling(router.port) as caller:
        await caller.send(CHUNKED + b"5\r\nhello\r\n")
        await until(lambda: bool(hello.requests))
        answer = await caller.ask(b"zz\r\n")
        again = hello.open

    assert (answer.status, answer.cause) == (400, "bad_chunk")
    assert again <= 1
    async with calling(router.port) as caller:
        assert (await caller.ask(post(b"x"))).body == b"POST / x"


async def test_fields_that_a_cgi_reads_as_ours_are_dropped(
    router: Running, hello: Upstream
) -> None:
    """A classic function gets Http_X_Call_Id of either spelling: ours alone may arrive."""
    forged = ("Content_Length: 5", "Transfer_Encoding: chunked", "X_Call_Id: 1", "X_Mine: 1")
    async with calling(router.port) as caller:
        await caller.ask(get("/hello", *forged))

    named = {name for name in hello.requests[0].headers if "_" in name}
    assert named == {"x_mine"}


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    trailers=st.sampled_from([b"", b"X-A: 1\r\n", b"X-A: 1\r\nX-B: 2\r\n"]),
    cuts=st.lists(st.integers(0, 300), max_size=12),
    payload_only=st.booleans(),
)
def test_chunks_end_where_they_end(
    *, chunks: list[bytes], trailers: bytes, cuts: list[int], payload_only: bool
) -> None:
    """Fuzz: however a body is cut, the same passes, without trailers, and what follows stays."""
    coded = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    whole = coded + b"0\r\n" + trailers + b"\r\n" + b"GET / next"
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    body, passed, used = Chunked(payload_only=payload_only), b"", 0

    for start, end in pairwise(edges):
        if not body.done:
            out, taken = body.feed(whole[start:end])
            passed += out
            used += taken

    assert body.done
    assert passed == (b"".join(chunks) if payload_only else coded + b"0\r\n\r\n")
    assert whole[used:] == b"GET / next"


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_chunks_or_refused(raw: bytes) -> None:
    """Fuzz: nothing but BadChunk comes out, and nothing that was not understood passes."""
    body = Chunked()
    try:
        passed, used = body.feed(raw)
    except BadChunk:
        return
    assert raw.startswith(passed) or b"\r\n0" in b"\r\n" + raw
    assert used <= len(raw)
