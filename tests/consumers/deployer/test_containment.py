"""A function that means harm: what it gets, as root where its walls are whole.

The machine of the fixture grants 96 MiB of memory, 8 MiB of files, 24 processes.
"""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import aiohttp
import msgspec
import pytest

from bus.server import find_binary
from consumers.deployer.local.cell.init import Config
from consumers.deployer.platform import Revision
from tests.consumers.deployer.machine import Machine, until

needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="walls of their own users need root: run the tests as root too"
)


async def hostile(machine: Machine, **variables: str) -> Revision:
    """Deploy the function that does what the path says; skip where no walls stand."""
    revision = machine.revision(variables=variables)
    await machine.platform.deploy(revision)
    walls = (await machine.status(revision)).walls
    if walls not in ("root", "user"):
        pytest.skip(f"walls are {walls!r} here: allow mount namespaces, or run as root")
    return revision


async def survives(machine: Machine, revision: Revision) -> None:
    """Wait until the function, or its next life, answers; so must the supervisor."""

    async def answers() -> bool:
        async with machine.session(revision) as client, client.get("/") as answer:
            return answer.status == 200

    await until(answers)
    assert await machine.platform.running() == {revision.key}


async def test_files_of_pushline_are_not_there(machine: Machine) -> None:
    """Home, token, log, other functions' folders and sockets: no such file."""
    (machine.settings.home / "token").write_text("secret")
    (machine.settings.home / "nats").mkdir()
    revision = await hostile(machine)

    for path in ("token", "nats", "supervisor.log", "run"):
        whole = str(machine.settings.home / path)
        assert await machine.ask(revision, "/read", path=whole) == "FileNotFoundError"
    home = await machine.ask(revision, "/list", path=str(machine.settings.home))
    assert home == ["bundles", "functions"]
    others = await machine.ask(revision, "/list", path=str(machine.settings.home / "functions"))
    assert len(others) == 1
    socket_ = str(machine.settings.socket)
    assert await machine.ask(revision, "/unix", path=socket_) == "FileNotFoundError"
    shown = await machine.ask(revision, "/list", path="/")
    assert {"home", "var", "run", "sys", "work", "srv", "mnt"}.isdisjoint(shown)


async def test_bundles_cannot_be_changed(machine: Machine) -> None:
    """Its own code, the interpreter and the system are read-only; its own folder is its own."""
    revision = await hostile(machine)
    who = await machine.ask(revision, "/who")

    for path in (f"{who['folder']}/function.py", f"{who['folder']}/new", "/usr/x", "/etc/x", "/x"):
        found = await machine.ask(revision, "/write", path=path)
        assert found in ("OSError", "PermissionError"), path
    env = await machine.ask(revision, "/env")
    for path in (f"{env['HOME']}/mine", "/tmp/mine", "/dev/shm/mine"):  # noqa: S108
        assert await machine.ask(revision, "/write", path=path) == 1, path


async def test_its_environment_is_its_own(machine: Machine) -> None:
    """Nothing of Pushline's environment or descriptors is inherited."""
    revision = await hostile(machine, MINE="yes")

    env = await machine.ask(revision, "/env")

    known = {"PATH", "HOME", "TMPDIR", "LANG", "LC_CTYPE", "MINE", "PUSHLINE_SOCKET"}
    assert set(env) <= known
    assert env["MINE"] == "yes"
    # 0 to 2, the listener, this connection, and the one that lists
    assert len(await machine.ask(revision, "/descriptors")) <= 7


@needs_root
async def test_it_is_nobody(machine: Machine) -> None:
    """Each revision is a user of its own, which is no user of the machine."""
    first = await hostile(machine)
    second = machine.revision("abcdef0-2")
    await machine.platform.deploy(second)

    uids = [(await machine.ask(each, "/who"))["uid"] for each in (first, second)]

    assert len(set(uids)) == 2
    assert all(200_000 <= uid < 1_200_000 for uid in uids)
    assert await machine.ask(first, "/read", path="/etc/shadow") == "PermissionError"


async def test_it_sees_and_signals_nobody_else(machine: Machine) -> None:
    """Its process list is its own, and a signal to everybody reaches nobody else."""
    revision = await hostile(machine)
    other = machine.revision("abcdef0-2")
    await machine.platform.deploy(other)
    before = await machine.ask(other, "/who")

    seen = await machine.ask(revision, "/processes")
    await machine.ask(revision, "/kill")

    assert len(seen) <= 3
    assert await machine.ask(other, "/who") == before
    await survives_both(machine, revision, other)


async def survives_both(machine: Machine, *revisions: Revision) -> None:
    """Both are known still."""
    assert await machine.platform.running() == {revision.key for revision in revisions}


@pytest.mark.weakness(10)
async def test_the_bus_wants_a_password(machine: Machine, nats_locked: int) -> None:
    """The bus is on this machine's loopback: without its credentials nothing can be said."""
    revision = await hostile(machine)

    said = await machine.ask(revision, "/connect", port=str(nats_locked))

    assert "Authorization Violation" in said


@pytest.fixture
def nats_locked() -> Iterator[int]:
    """Yield the port of a server with credentials, as ``up`` starts it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(find_binary()), "-a", "127.0.0.1", "-p", str(port), "--user", "u", "--pass", "p"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield port
        server.terminate()


async def test_forking_without_end_is_bounded(machine: Machine) -> None:
    """A fork bomb gets as many processes as are granted, and no more."""
    revision = await hostile(machine)

    started = await machine.ask(revision, "/fork")

    assert started < 24
    assert len(machine.alive()) <= 24
    await machine.platform.retire(revision.key)

    async def gone() -> bool:
        return not machine.alive()

    await until(gone)


async def test_filling_the_disk_is_bounded(machine: Machine) -> None:
    """All it can write, wherever it writes, is 8 MiB together; the next life begins empty."""
    revision = await hostile(machine)
    env = await machine.ask(revision, "/env")

    written = await machine.ask(revision, "/fill", path=f"{env['HOME']}/full")
    more = [
        await machine.ask(revision, "/fill", path=path)
        for path in ("/tmp/full", "/dev/shm/full")  # noqa: S108
    ]

    assert 4 * 2**20 < written <= 8 * 2**20
    assert sum(more) < 2**20
    with pytest.raises((aiohttp.ClientError, AssertionError)):
        await machine.ask(revision, "/exit")
    await survives(machine, revision)
    assert await machine.ask(revision, "/list", path=env["HOME"]) == ["http.sock"]


async def test_filling_the_memory_is_bounded(machine: Machine) -> None:
    """Over its memory it is killed or refused, the log says so, and it is started again."""
    revision = await hostile(machine)
    assert await machine.ask(revision, "/memory", mib="10") == 10 * 2**20

    found: Any = None
    try:
        found = await machine.ask(revision, "/memory", mib="900")
    except (aiohttp.ClientError, AssertionError):
        await machine.printed("96 MiB of memory")

    assert found in (None, "MemoryError")
    await survives(machine, revision)


async def test_printing_without_end_is_bounded(machine: Machine) -> None:
    """A flood of lines is slowed down, and neither the function nor the supervisor stops."""
    revision = await hostile(machine)

    assert await machine.ask(revision, "/flood", times="300000") == 1_800_000

    await survives(machine, revision)


async def test_what_it_prints_is_kept(machine: Machine) -> None:
    """Standard output of a revision is lines under its own subject."""
    revision = await hostile(machine)

    await machine.ask(revision, "/print", times="3")

    found = await machine.printed("line line line")
    assert found.startswith("log.function.local.alice=2Fhello.production=2Fhello.abcdef0-1: ")


async def test_what_it_prints_is_bounded_by_the_day(machine: Machine) -> None:
    """Beyond what its tenant may keep one line says so, and nothing fails for it."""
    machine.stop()
    machine.settings = msgspec.structs.replace(machine.settings, log_bytes=10)
    await machine.start()
    revision = await hostile(machine)

    await machine.ask(revision, "/print", times="3")

    found = await machine.printed("are used up: no more")
    assert found.startswith("log.function.local.alice=2Fhello.production=2Fhello.abcdef0-1: ")
    await survives(machine, revision)


async def test_isolation_that_is_off_is_said(machine: Machine) -> None:
    """Where there are no walls the supervisor says so loudly, and the limits are watched."""
    machine.stop()
    machine.settings = msgspec.structs.replace(machine.settings, isolate=False)
    await machine.start()
    revision = machine.revision()
    await machine.platform.deploy(revision)

    await machine.printed("ISOLATION IS OFF")
    assert (await machine.status(revision)).walls == "none"
    env = await machine.ask(revision, "/env")
    assert set(env) <= {"PATH", "HOME", "TMPDIR", "LANG", "LC_CTYPE", "PUSHLINE_SOCKET"}
    assert await machine.ask(revision, "/fill", path=f"{env['HOME']}/a") <= 8 * 2**20
    with contextlib.suppress(aiohttp.ClientError, AssertionError):  # killed as it writes
        await machine.ask(revision, "/fill", path=f"{env['HOME']}/b")
    await machine.printed("over 8 MiB in its folder")
    await survives(machine, revision)

    await machine.ask(revision, "/abandon")
    machine.kill()

    async def gone() -> bool:
        return not machine.alive()

    await until(gone, 5)


def test_a_cell_is_told_nothing_of_pushline() -> None:
    """What crosses into a cell is walls and limits: no credential has a field to travel in."""
    assert set(Config.__dataclass_fields__) == {
        "walls",
        "uid",
        "gid",
        "bundle",
        "folder",
        "program",
        "shown",
        "disk",
        "data",
        "processes",
        "files",
        "cgroups",
    }
