"""What happens to a revision after it is ready: crashes, drains, kills."""

import asyncio
import time

import aiohttp
import msgspec
import pytest

from consumers.deployer.platform import Revision
from schemas.errors import DeployFailed
from tests.consumers.deployer.machine import HTTP, Machine, until


async def crash(machine: Machine, revision: Revision) -> None:
    """Have the function end itself."""
    with pytest.raises((aiohttp.ClientError, AssertionError)):
        await machine.ask(revision, "/exit")


async def test_a_crashed_function_is_started_again(machine: Machine) -> None:
    """After a crash it answers again, the status counts it, the log says how it ended."""
    revision = machine.revision()
    await machine.platform.deploy(revision)
    before = await machine.ask(revision, "/who")

    await crash(machine, revision)

    async def again() -> bool:
        async with machine.session(revision) as client, client.get("/who") as answer:
            return answer.status == 200

    await until(again)
    status = await machine.status(revision)
    assert (status.state, status.restarts, status.ended) == ("ready", 1, "exited with code 3")
    await machine.printed("exited with code 3; it is started again in 0.2 s")
    assert before["folder"] == (await machine.ask(revision, "/who"))["folder"]


async def test_a_crash_loop_is_visible_and_slows_down(machine: Machine) -> None:
    """A function that dies again and again is started less and less often, and says so."""
    how = HTTP
    program = (
        "import os, pathlib, socket\n"
        "if 'CRASH' in os.environ: raise SystemExit(4)\n"
        "listener = socket.socket(socket.AF_UNIX)\n"
        "listener.bind(os.environ['PUSHLINE_SOCKET'])\n"
        "listener.listen()\n"
        "listener.accept()\n"
    )
    revision = machine.revision(image=machine.bundle(how, {"function.py": program}))
    await machine.platform.deploy(revision)  # accepts one connection, which is ours, and ends

    async def thrice() -> bool:
        return (await machine.status(revision)).failing >= 3

    await until(thrice)
    await machine.printed("it is started again in 0.8 s")


@pytest.mark.weakness(12)
async def test_a_program_that_never_listens_fails_in_time(machine: Machine) -> None:
    """Readiness is observed, not believed: a program that only lives is not ready."""
    machine.stop()
    machine.settings = msgspec.structs.replace(machine.settings, start_timeout=1.0)
    await machine.start()
    image = machine.bundle(HTTP, {"function.py": "import time; print('idle'); time.sleep(60)"})

    with pytest.raises(DeployFailed, match="did not become ready within 1 s"):
        await machine.platform.deploy(machine.revision(image=image))

    assert machine.alive() == []


async def test_a_missing_program_or_bundle_is_named(machine: Machine) -> None:
    """What cannot be started says what is missing."""
    image = machine.bundle(HTTP, {"function.py": ""})
    with pytest.raises(DeployFailed, match="there is no program 'nowhere'"):
        await machine.platform.deploy(machine.revision(image=image, fprocess="nowhere --fast"))
    with pytest.raises(DeployFailed, match="is not on this machine"):
        await machine.platform.deploy(machine.revision(image="sha256:" + "0" * 64))


async def test_retiring_lets_requests_in_flight_end(machine: Machine) -> None:
    """A retired revision answers what it has begun, takes nothing new, and is gone at last."""
    revision = machine.revision()
    await machine.platform.deploy(revision)

    async with machine.session(revision) as client:
        slow = asyncio.create_task(client.get("/slow", params={"s": "1.5"}))
        await until(lambda: _in_flight(machine, revision))
        await machine.platform.retire(revision.key)
        assert await machine.platform.running() == frozenset()
        assert not machine.socket(revision).exists()
        answer = await slow
        assert (answer.status, await answer.text()) == (200, "slow")
        assert answer.headers["Connection"] == "close"

    async def gone() -> bool:
        return not await machine.platform.statuses() and not machine.alive()

    await until(gone)
    assert not list((machine.settings.home / "functions").iterdir())


async def _in_flight(machine: Machine, revision: Revision) -> bool:
    return (await machine.status(revision)).in_flight > 0


async def test_replacing_under_load_fails_no_request(machine: Machine) -> None:
    """Ten replacements under steady load, a tenth of it slow: every request is answered."""
    revisions = [
        machine.revision(f"abcdef0-{number}", variables={"ANSWER": str(number)})
        for number in range(11)
    ]
    await machine.platform.deploy(revisions[0])
    live, answered, stop = 0, 0, False
    failed: list[object] = []

    async def call(number: int) -> None:
        nonlocal answered
        while not stop:
            number += 7
            # The switch and the choice of the upstream have no await between them.
            async with machine.session(revisions[live]) as client:
                try:
                    path = "/slow?s=0.3" if number % 10 == 0 else "/"
                    async with client.post(path, data=b"x" * 100) as answer:
                        await answer.read()
                        if answer.status != 200:
                            failed.append(answer.status)
                except aiohttp.ClientError as error:
                    failed.append(error)
            answered += 1

    callers = [asyncio.create_task(call(number)) for number in range(8)]
    for number in range(1, 11):
        await machine.platform.deploy(revisions[number])
        live = number
        await asyncio.sleep(0.2)  # routers switch within the grace; here it is short
        await machine.platform.retire(revisions[number - 1].key)
    stop = True
    await asyncio.gather(*callers)

    assert failed == []
    assert answered > 100


async def test_killing_the_supervisor_leaves_no_orphan(machine: Machine) -> None:
    """Functions and what they have left behind die within two seconds of their supervisor."""
    revision = machine.revision()
    await machine.platform.deploy(revision)
    await machine.ask(revision, "/abandon")
    assert len(machine.alive()) >= 2
    killed = time.monotonic()

    machine.kill()

    async def none() -> bool:
        return not machine.alive()

    await until(none, 5)
    assert time.monotonic() - killed < 2.0


async def test_a_supervisor_that_starts_again_takes_over(machine: Machine) -> None:
    """After a kill the same revision can be deployed again, at the same upstream."""
    revision = machine.revision()
    before = await machine.platform.deploy(revision)
    machine.kill()

    await machine.start()
    after = await machine.platform.deploy(revision)

    assert before.upstream == after.upstream
    assert (await machine.ask(revision, "/who"))["pid"]


async def test_retiring_kills_the_whole_tree(machine: Machine) -> None:
    """A child in a session of its own does not outlive its revision."""
    revision = machine.revision()
    await machine.platform.deploy(revision)
    await machine.ask(revision, "/abandon")

    await machine.platform.retire(revision.key)

    async def gone() -> bool:
        return not machine.alive()

    await until(gone)


async def test_the_supervisor_ends_gently(machine: Machine) -> None:
    """SIGTERM ends every function, and leaves neither socket nor process."""
    revision = machine.revision()
    await machine.platform.deploy(revision)

    machine.stop()

    assert machine.process is not None
    assert machine.process.returncode == 0
    assert machine.alive() == []
    assert not list(machine.settings.run.iterdir())
    assert (machine.settings.home / "bundles").exists()
