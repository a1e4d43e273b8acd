"""Loads: what is sent is what was written down, and what comes back is counted."""

import asyncio

import pytest

from tests.bench.client import ask, numbered
from tests.bench.ingest import SIZE, delivery, push
from tests.bench.limit import publish


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each request; every second one with an error."""
    number = 0
    while head := await reader.readuntil(b"\r\n\r\n"):
        number += 1
        status = b"500 No" if b"bad" in head and number % 2 == 0 else b"200 OK"
        writer.write(b"HTTP/1.1 %b\r\nContent-Length: 5\r\n\r\nhello" % status)


@pytest.mark.parametrize(("path", "failing"), [(b"/good/{n}", False), (b"/bad", True)])
async def test_our_own_client_counts_answers(path: bytes, *, failing: bool) -> None:
    """Requests, bytes and failures are those that the server saw and sent."""
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        told = await ask(b"GET %b HTTP/1.1\r\n\r\n" % path, port, 4, 0.2)

    assert told.count > 4
    assert 0 < told.p50_ms <= told.p99_ms
    assert told.bytes == pytest.approx(told.count * 43, rel=0.2)
    assert abs(told.failed - (told.count // 2 if failing else 0)) <= 4


def test_a_number_is_another_each_time() -> None:
    """Every place of the number in one request is given the same one."""
    requests = numbered(b"a{n}b{n}")

    assert [next(requests) for _ in range(3)] == [b"a1b1", b"a2b2", b"a3b3"]


def test_a_push_is_as_large_as_said() -> None:
    """The body is of the size that the table names, and signed once for all deliveries."""
    body = push()
    request = delivery(body, "r")

    assert len(body) == SIZE
    assert request.endswith(b"\r\n\r\n" + body)
    assert b"X-GitHub-Delivery: r-{n}\r\n" in request


async def test_publishes_are_counted_when_they_are_stored(
    nats_url: str, bus_settings: object
) -> None:
    """The limit counts acknowledgements; where no stream takes the subject it says so."""
    port = int(nats_url.rpartition(":")[2])
    assert bus_settings

    assert await publish(port, "delivery.bench", b"x" * 100, 8, 0.3) > 0
    with pytest.raises(RuntimeError, match="is there a stream"):
        await publish(port, "nobody.bench", b"x", 8, 0.1)
