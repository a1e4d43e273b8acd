"""The watchdog's forking modes: one process per request, by the classic contract."""

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from consumers.deployer.platform import Revision
from schemas.bundle import Bundle
from tests.consumers.deployer.machine import Machine, until

CLASSIC = Bundle(language="exec", mode="serializing", command=("sh", "main.sh"), cgi=True)
SERIALIZING = Bundle(language="exec", mode="serializing", command=("sh", "main.sh"))
STREAMING = Bundle(language="exec", mode="streaming", command=("sh", "main.sh"))


@pytest.fixture
async def machine(lasting: Machine) -> AsyncIterator[Machine]:
    """Yield the machine of this file, and clear it."""
    yield lasting
    await lasting.clear()


async def deployed(machine: Machine, how: Bundle, script: str, **variables: str) -> Revision:
    """Deploy a shell script as a function."""
    image = machine.bundle(how, {"main.sh": script})
    revision = machine.revision(image[7:14] + "-1", image, variables=variables)
    await machine.platform.deploy(revision)
    return revision


@pytest.mark.parametrize("how", [CLASSIC, SERIALIZING, STREAMING])
async def test_a_body_goes_in_and_output_comes_out(machine: Machine, how: Bundle) -> None:
    """Standard input is the request's body, standard output the answer's, of any size."""
    revision = await deployed(machine, how, "cat")
    large = b"0123456789" * 200_000

    async def pieces() -> AsyncIterator[bytes]:
        yield large[:1_000_000]
        yield large[1_000_000:]

    async with machine.session(revision) as client:
        for sent in (b"", b"hello", large, pieces()):
            async with client.post("/", data=sent) as answer:
                expected = sent if isinstance(sent, bytes) else large
                assert answer.status == 200
                assert await answer.read() == expected
                assert float(answer.headers["X-Duration-Seconds"]) > 0


async def test_the_request_is_in_the_environment(machine: Machine) -> None:
    """Http_* is what the classic watchdog sets, and nothing of Pushline's is there."""
    revision = await deployed(machine, CLASSIC, "env", MODE="test")

    async with machine.session(revision) as client:
        headers = {"X-Some-Thing": "a", "Content-Type": "text/x"}
        async with client.put("/path/on?q=1&r=2", data=b"abc", headers=headers) as answer:
            assert answer.headers["Content-Type"] == "text/x"
            seen = dict(line.split("=", 1) for line in (await answer.text()).splitlines())

    assert seen["Http_Method"] == "PUT"
    assert seen["Http_Path"] == "/path/on"
    assert seen["Http_Query"] == "q=1&r=2"
    assert seen["Http_X_Some_Thing"] == "a"
    assert seen["Http_ContentLength"] == seen["Http_Content_Length"] == "3"
    assert seen["Http_Host"] == "hello.localhost"
    assert seen["MODE"] == "test"
    assert not [name for name in seen if "PUSHLINE" in name or "NATS" in name]


async def test_an_exit_code_is_a_500(machine: Machine) -> None:
    """Classic: the code and the output; of-watchdog: the code alone. Streaming knows too late."""
    script = "echo partly; echo loudly >&2; exit 3"
    revision = await deployed(machine, CLASSIC, script)
    async with machine.session(revision) as client, client.get("/") as answer:
        assert (answer.status, await answer.text()) == (500, "exit status 3\npartly\nloudly\n")

    revision = await deployed(machine, SERIALIZING, script)
    async with machine.session(revision) as client, client.get("/") as answer:
        assert (answer.status, await answer.text()) == (500, "exit status 3\n")
    await machine.printed("loudly")

    revision = await deployed(machine, STREAMING, script)
    with pytest.raises(aiohttp.ClientPayloadError):
        async with machine.session(revision) as client, client.get("/") as answer:
            await answer.read()

    revision = await deployed(machine, STREAMING, "exit 4")
    async with machine.session(revision) as client, client.get("/") as answer:
        assert (answer.status, await answer.text()) == (500, "exit status 4\n")


async def test_a_timeout_kills_the_whole_group(machine: Machine) -> None:
    """After exec_timeout the process and its children are gone: 408 classic, else 504."""
    for how, status in ((CLASSIC, 408), (SERIALIZING, 504), (STREAMING, 504)):
        script = "sleep 3600 & sleep 3600"
        revision = await deployed(machine, how, script, exec_timeout="500ms")
        async with machine.session(revision) as client, client.get("/") as answer:
            assert answer.status == status
            if status == 408:
                assert await answer.text() == "Killed process.\n"

    await until(machine.empty)


async def test_output_streams_as_it_comes(machine: Machine) -> None:
    """Mode streaming answers while the program still reads and writes."""
    revision = await deployed(machine, STREAMING, "echo first; read line; echo $line")
    reader, writer = await asyncio.open_unix_connection(str(machine.socket(revision)))

    writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    await asyncio.wait_for(reader.readuntil(b"first\n"), 10)
    writer.write(b"7\r\nsecond\n\r\n0\r\n\r\n")
    await asyncio.wait_for(reader.readuntil(b"second\n\r\n0\r\n\r\n"), 10)
    writer.close()


async def test_a_program_need_not_read_its_input(machine: Machine) -> None:
    """A large body that nobody reads is no error, and the connection can be used again or not."""
    revision = await deployed(machine, SERIALIZING, "echo done", content_type="text/plain")

    async with machine.session(revision) as client:
        for _ in range(3):
            async with client.post("/", data=b"x" * 1_000_000) as answer:
                assert (answer.status, await answer.text()) == (200, "done\n")
                assert answer.headers["Content-Type"] == "text/plain"


async def test_a_caller_that_leaves_ends_the_process(machine: Machine) -> None:
    """Nobody waits for the answer: the process is killed."""
    revision = await deployed(machine, SERIALIZING, "exec sleep 3600")
    _, writer = await asyncio.open_unix_connection(str(machine.socket(revision)))
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    await until(machine.busy)

    writer.close()

    await until(machine.empty)


async def test_many_at_once(machine: Machine) -> None:
    """Processes of different requests do not get into each other's way."""
    revision = await deployed(machine, SERIALIZING, "sleep 0.1; cat")

    async def call(client: aiohttp.ClientSession, number: int) -> str:
        async with client.post("/", data=json.dumps(number)) as answer:
            return await answer.text()

    async with machine.session(revision) as client:
        found = await asyncio.gather(*(call(client, number) for number in range(8)))

    assert found == [json.dumps(number) for number in range(8)]
