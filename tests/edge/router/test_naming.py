"""A request's names: kept where the caller gave sane ones, else made, and never twice."""

import pytest

from edge.router import naming
from edge.router.naming import Names
from tests.edge.router.conftest import Running
from tests.edge.router.wire import Upstream, calling, get

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def test_a_sane_call_id_is_kept(router: Running, hello: Upstream) -> None:
    """A caller may choose X-Call-Id; one that is not sane is replaced, and none comes twice."""
    async with calling(router.port) as caller:
        for given in ("mine-1", "not sane", "x" * 65):
            await caller.ask(get("/hello", f"X-Call-Id: {given}"))
        await caller.ask(get())

    ids = [request.headers["x-call-id"] for request in hello.requests]
    assert ids[0] == ["mine-1"]
    assert all(len(one) == 1 for one in ids)
    assert len({one[0] for one in ids}) == 4


async def test_a_request_id_is_the_call_id(router: Running, hello: Upstream) -> None:
    """X-Request-Id is taken for X-Call-Id where that is missing; both always say the same."""
    async with calling(router.port) as caller:
        await caller.ask(get("/hello", "X-Request-Id: theirs"))
        await caller.ask(get("/hello", "X-Request-Id: theirs", "X-Call-Id: mine"))
        await caller.ask(get("/hello", "X-Request-Id: not sane"))

    pairs = [(one.headers["x-call-id"], one.headers["x-request-id"]) for one in hello.requests]
    assert pairs[:2] == [(["theirs"], ["theirs"]), (["mine"], ["mine"])]
    assert pairs[2][0] == pairs[2][1] != ["not sane"]


async def test_a_trace_goes_on(router: Running, hello: Upstream) -> None:
    """A valid traceparent and its state arrive as they were sent; else one is made."""
    async with calling(router.port) as caller:
        await caller.ask(
            get("/hello", f"traceparent: {TRACE}", "tracestate: a=1", "tracestate: b=2")
        )
        await caller.ask(get("/hello", "tracestate: a=1"))

    first, second = (request.headers for request in hello.requests)
    assert (first["traceparent"], first["tracestate"]) == ([TRACE], ["a=1", "b=2"])
    assert second["traceparent"][0].split("-")[1] == second["x-call-id"][0].replace("-", "")
    assert "tracestate" not in second


@pytest.mark.parametrize(
    "given",
    [
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f35-00f067aa0ba902b7-01",
        "",
    ],
)
def test_an_invalid_trace_is_none(given: str) -> None:
    """What the specification calls invalid is not passed on, nor is its state."""
    values = {b"traceparent": [given.encode()], b"tracestate": [b"a=1"]}

    assert naming.trace(values) == b""


def test_two_traces_are_none() -> None:
    """Which of two parents it is nobody can tell."""
    assert naming.trace({b"traceparent": [TRACE.encode()] * 2}) == b""


def test_numbers_do_not_repeat() -> None:
    """Two routers never name two requests alike, and what is said of one number is the same."""
    one, other = Names(), Names()
    number = one.next()

    assert one.id(number) != other.id(other.next())
    assert one.id(number) in one.lines(number, named=False, traced=False)
    assert one.lines(number, named=True, traced=True) == b""
    whole = one.lines(number, named=False, traced=True) + one.lines(
        number, named=True, traced=False
    )
    assert one.lines(number, named=False, traced=False) == whole
