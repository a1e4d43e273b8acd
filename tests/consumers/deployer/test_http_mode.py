"""The watchdog in mode http, seen by the router."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import msgspec
import pytest

from consumers.deployer.local.watchdog.front import IDLE
from consumers.deployer.platform import Revision
from tests.consumers.deployer.machine import HTTP, Machine, until


@pytest.fixture
async def machine(lasting: Machine) -> AsyncIterator[Machine]:
    """Yield the machine of this file, and clear it."""
    yield lasting
    await lasting.clear()


async def raw(machine: Machine, revision: Revision, request: bytes) -> bytes:
    """Send bytes and return what comes back until the watchdog closes."""
    reader, writer = await asyncio.open_unix_connection(str(machine.socket(revision)))
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


async def test_bodies_go_both_ways(machine: Machine) -> None:
    """Small, large, chunked and empty bodies arrive as they were sent."""
    revision = machine.revision()
    await machine.platform.deploy(revision)
    large = bytes(range(256)) * 40_000

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 100_000):
            yield large[start : start + 100_000]

    async with machine.session(revision) as client:
        for sent in (b"", b"x", large, pieces()):
            async with client.post("/echo", data=sent) as answer:
                assert answer.status == 200
                expected = sent if isinstance(sent, bytes) else large
                assert await answer.read() == expected


async def test_the_call_is_named_and_timed(machine: Machine) -> None:
    """X-Call-Id is kept or made, and both sides see it; the answer tells how long it took."""
    revision = machine.revision()
    await machine.platform.deploy(revision)

    async with machine.session(revision) as client:
        async with client.get("/headers", headers={"X-Call-Id": "mine"}) as answer:
            seen = dict(await answer.json())
            assert seen["X-Call-Id"] == answer.headers["X-Call-Id"] == "mine"
            assert seen["X-Start-Time"].isdigit()
            assert 0 <= float(answer.headers["X-Duration-Seconds"]) < 10
        async with client.get(
            "/headers", headers={"Connection": "X-Secret", "X-Secret": "1"}
        ) as answer:
            seen = dict(await answer.json())
            assert len(answer.headers["X-Call-Id"]) == 36
            assert seen["X-Call-Id"] == answer.headers["X-Call-Id"]
            assert "X-Secret" not in seen


async def test_events_arrive_as_they_are_sent(machine: Machine) -> None:
    """A stream of events is not held back until its end."""
    revision = machine.revision()
    await machine.platform.deploy(revision)
    clock = asyncio.get_running_loop().time

    async with machine.session(revision) as client, client.get("/stream?pieces=4") as answer:
        began = clock()
        first = await answer.content.readuntil(b"\n\n")
        early = clock() - began
        rest = await answer.content.read()

    assert first == b"data: 0\n\n"
    assert rest.endswith(b"data: 3\n\n")
    assert clock() - began - early > 0.3


async def test_head_pipelining_and_http_1_0(machine: Machine) -> None:
    """HEAD has no body, two requests sent at once are answered in order, HTTP/1.0 is closed."""
    revision = machine.revision()
    await machine.platform.deploy(revision)

    head = await raw(machine, revision, b"HEAD / HTTP/1.0\r\nHost: a\r\n\r\n")
    both = await raw(
        machine,
        revision,
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none"
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\ntwo",
    )

    assert b"Content-Length: 5" in head
    assert head.endswith(b"\r\n\r\n")
    assert both.count(b"HTTP/1.1 200") == 2
    assert both.index(b"one") < both.index(b"two")


async def test_an_answer_without_length_ends_with_its_connection(machine: Machine) -> None:
    """What a program ends by closing, the watchdog ends so too."""
    revision = machine.revision()
    await machine.platform.deploy(revision)

    answer = await raw(machine, revision, b"GET /until-close HTTP/1.1\r\nHost: a\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"no length")


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_refused(machine: Machine, request_: bytes) -> None:
    """Requests that could be read in two ways are answered 400 and the connection is closed."""
    revision = machine.revision()
    await machine.platform.deploy(revision)

    assert (await raw(machine, revision, request_)).startswith(b"HTTP/1.1 400 ")


async def test_too_many_at_once_get_429(machine: Machine) -> None:
    """Over max_inflight of-watchdog's own words are the answer; the others are served."""
    revision = machine.revision(variables={"max_inflight": "2"})
    await machine.platform.deploy(revision)

    async with machine.session(revision) as client:
        calls = await asyncio.gather(*(client.get("/slow", params={"s": "1"}) for _ in range(5)))
        found = sorted([(call.status, await call.text()) for call in calls])
        async with client.get("/_/health") as health:
            assert (health.status, await health.text()) == (200, "OK")

    refused = (429, "Concurrent request limit exceeded. Max concurrent requests: 2\n")
    assert found == [(200, "slow")] * 2 + [refused] * 3


async def test_an_answer_that_takes_too_long_is_504(machine: Machine) -> None:
    """exec_timeout ends a call by 504, X-Timeout sooner; the function goes on for others."""
    revision = machine.revision(variables={"exec_timeout": "1s"})
    await machine.platform.deploy(revision)
    clock = asyncio.get_running_loop().time

    async with machine.session(revision) as client:
        began = clock()
        async with client.get("/slow?s=20") as answer:
            assert answer.status == 504
        assert 0.9 < clock() - began < 5
        async with client.get("/slow?s=20", headers={"X-Timeout": "100ms"}) as answer:
            assert answer.status == 504
        async with client.get("/") as answer:
            assert answer.status == 200


async def test_a_request_that_does_not_arrive_is_408(machine: Machine) -> None:
    """read_timeout bounds the time that a caller may take for its body."""
    revision = machine.revision(variables={"read_timeout": "300ms"})
    await machine.platform.deploy(revision)

    answer = await raw(
        machine, revision, b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"
    )

    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_broken_answers_are_502(machine: Machine) -> None:
    """A program that breaks off, or does not speak HTTP, is the function's fault: 502."""
    revision = machine.revision()
    await machine.platform.deploy(revision)

    async with machine.session(revision) as client:
        async with client.get("/garbage") as answer:
            assert answer.status == 502
        async with client.post("/exit", data=b"x") as answer:
            assert answer.status == 502


async def test_while_it_is_started_again_it_is_503(machine: Machine) -> None:
    """Between a crash and the next life callers get 503, and readiness says no."""
    revision = machine.revision(variables={"START_SECONDS": "1"})
    await machine.platform.deploy(revision)

    async with machine.session(revision) as client:
        async with client.get("/_/ready") as answer:
            assert answer.status == 200
        async with client.post("/exit", data=b"x") as answer:
            assert answer.status == 502

        async def unready() -> bool:
            async with client.get("/_/ready") as answer:
                return answer.status == 503

        await until(unready)
        async with client.get("/") as answer:
            assert answer.status == 503


async def test_a_stale_connection_is_not_the_callers_trouble(machine: Machine) -> None:
    """A program that closes idle connections at once costs no request, GET or POST."""
    program = (
        "import os, socket\n"
        "listener = socket.socket(socket.AF_UNIX)\n"
        "listener.bind(os.environ['PUSHLINE_SOCKET'])\n"
        "listener.listen()\n"
        "while True:\n"
        "    connection, _ = listener.accept()\n"
        "    if connection.recv(65536):\n"
        "        connection.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok')\n"
        "    connection.close()\n"
    )
    revision = machine.revision(image=machine.bundle(HTTP, {"function.py": program}))
    await machine.platform.deploy(revision)

    async with machine.session(revision) as client:
        for number in range(100):
            method = "PUT" if number % 2 else "GET"
            async with client.request(method, "/", data=b"x" if number % 2 else None) as answer:
                assert (answer.status, await answer.text()) == (200, "ok")


async def test_a_caller_that_leaves_ends_the_call(machine: Machine) -> None:
    """When the caller has gone nothing is in flight any more."""
    revision = machine.revision()
    await machine.platform.deploy(revision)
    _, writer = await asyncio.open_unix_connection(str(machine.socket(revision)))
    writer.write(b"GET /slow?s=20 HTTP/1.1\r\nHost: a\r\n\r\n")

    async def in_flight(count: int) -> bool:
        return (await machine.status(revision)).in_flight == count

    await until(lambda: in_flight(1))
    writer.close()
    await until(lambda: in_flight(0))


async def test_ready_path_is_asked(machine: Machine) -> None:
    """With ready_path a listening socket is not enough: the program must answer it well."""
    program = (
        "import os, socket, time\n"
        "listener = socket.socket(socket.AF_UNIX)\n"
        "listener.bind(os.environ['PUSHLINE_SOCKET'])\n"
        "listener.listen()\n"
        "answers = [b'503 No', b'503 No', b'200 OK']\n"
        "while True:\n"
        "    connection, _ = listener.accept()\n"
        "    asked = connection.recv(65536)\n"
        "    what = answers.pop(0) if len(answers) > 1 else answers[0]\n"
        "    print(asked.split()[1], what, flush=True)\n"
        "    connection.sendall(b'HTTP/1.1 ' + what + b'\\r\\nContent-Length: 0\\r\\n\\r\\n')\n"
        "    connection.close()\n"
    )
    image = machine.bundle(HTTP, {"function.py": program})
    revision = machine.revision(image=image, variables={"ready_path": "/healthz"})

    await machine.platform.deploy(revision)

    await machine.printed("b'/healthz' b'503 No'")
    await machine.printed("b'/healthz' b'200 OK'")


async def test_a_program_on_a_port_is_reached(machine: Machine) -> None:
    """A program that knows no Unix sockets gets a free port by $PORT."""
    program = (
        "import os\n"
        "from http.server import *\n"
        "address = ('127.0.0.1', int(os.environ['PORT']))\n"
        "HTTPServer(address, SimpleHTTPRequestHandler).serve_forever()\n"
    )
    how = msgspec.structs.replace(HTTP, upstream="tcp")
    revision = machine.revision(image=machine.bundle(how, {"function.py": program}))
    await machine.platform.deploy(revision)

    async with machine.session(revision) as client, client.get("/function.py") as answer:
        assert (answer.status, await answer.text()) == (200, program)


def test_idle_connections_outlive_the_routers() -> None:
    """The router lets idle connections go after 3 s; the watchdog must not be first."""
    assert IDLE > 2 * 3


async def test_an_upgraded_connection_is_a_tunnel(machine: Machine) -> None:
    """After 101 bytes go both ways as they are: a WebSocket works."""
    program = (
        "import os, socket\n"
        "listener = socket.socket(socket.AF_UNIX)\n"
        "listener.bind(os.environ['PUSHLINE_SOCKET'])\n"
        "listener.listen()\n"
        "while True:\n"
        "    connection, _ = listener.accept()\n"
        "    if b'Upgrade: echo' in connection.recv(65536):\n"
        "        connection.sendall(b'HTTP/1.1 101 Switching Protocols\\r\\n'\n"
        "            b'Connection: upgrade\\r\\nUpgrade: echo\\r\\n\\r\\n')\n"
        "        while data := connection.recv(65536):\n"
        "            connection.sendall(data[::-1])\n"
        "    connection.close()\n"
    )
    revision = machine.revision(image=machine.bundle(HTTP, {"function.py": program}))
    await machine.platform.deploy(revision)
    reader, writer = await asyncio.open_unix_connection(str(machine.socket(revision)))

    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    writer.write(b"abc")
    back = await asyncio.wait_for(reader.readexactly(3), 10)
    writer.close()

    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"Upgrade: echo" in head
    assert back == b"cba"


async def test_a_refused_connection_is_an_error_of_aiohttp(machine: Machine) -> None:
    """A revision that was never deployed has no socket: the router sees a refused connect."""
    with pytest.raises(aiohttp.ClientConnectorError):
        await machine.ask(machine.revision("never"), "/")
