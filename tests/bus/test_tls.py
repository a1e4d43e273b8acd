"""The log over TLS: whom we believe, what we say to whom, and what a restart changes."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from bus import streams, tls
from bus.connection import BusSettings, connect, session
from bus.wire import Wire
from schemas.envelope import Aggregate
from schemas.errors import LogUnavailable, SettingInvalid
from schemas.events.run import RunBuildStarted
from tests.bus.authority import Authority
from tests.bus.outside import Outside

RUN = Aggregate("local", "alice/hello", "run", "1")
PASSWORD = "correct-horse"
CONFIGURATION = """\
listen: "127.0.0.1:{port}", max_payload: 1MB
jetstream: { store_dir: "{store}", sync_interval: always, max_file_store: 8GB }
authorization: { user: pushline, password: "PASSWORD" }
tls: { cert_file: "TLS/cert.pem", key_file: "TLS/key.pem", ca_file: "TLS/ca.pem", verify: true,
  handshake_first: FIRST }
"""


class Setting:
    """A server that asks for TLS with certificates on both sides, and who may reach it."""

    def __init__(self, folder: Path, *, first: bool) -> None:
        """Start it."""
        self.authority = Authority()
        theirs = self.authority.folder(folder / "theirs")
        filled = CONFIGURATION.replace("TLS/", f"{theirs}/").replace("PASSWORD", PASSWORD)
        self.server = Outside(folder / "nats", filled.replace("FIRST", str(first).lower()))
        self.server.start()
        self.settings = BusSettings(
            nats_url=f"tls://localhost:{self.server.port}",
            user="pushline",
            password=PASSWORD,
            tls=self.authority.folder(folder / "ours"),
            tls_first=first,
            home=folder / "home",
        )


@pytest.fixture(params=[False, True], ids=["after INFO", "handshake first"])
def encrypted(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Setting]:
    """Yield a server that speaks TLS alone."""
    made = Setting(tmp_path, first=request.param)
    yield made
    made.server.kill()


async def test_both_connections_speak_tls_and_come_back(encrypted: Setting) -> None:
    """Facts are appended and followed over TLS, gapless over a kill of the server."""
    await streams.init(encrypted.settings)
    async with connect(encrypted.settings, name="test") as bus:
        following = bus.follow.events(after=0, until=40)
        appended = 0

        async def append(count: int) -> None:
            nonlocal appended
            for _ in range(count):
                fact = RunBuildStarted(function=str(appended))
                await bus.log.append(fact, of=RUN, id=str(appended))
                appended += 1

        await append(20)
        await asyncio.to_thread(encrypted.server.kill)
        late = asyncio.create_task(append(20))
        await asyncio.to_thread(encrypted.server.start)
        seen = [event.seq async for event in following]
        await late

    assert seen == list(range(1, 41))


async def test_a_certificate_of_somebody_else_is_not_believed(
    encrypted: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that our authority has not signed is told nothing; the error says why."""
    stranger = Authority("Stranger").folder(encrypted.settings.home / "stranger", own=False)
    settings = msgspec.structs.replace(encrypted.settings, tls=stranger)
    monkeypatch.setattr("bus.connection.CONNECT_WITHIN", 0.5)

    with pytest.raises(LogUnavailable, match=r"(?i)certificate_verify_failed") as raised:
        async with session(settings, name="test"):
            pytest.fail("connected")

    assert PASSWORD not in str(raised.value)


async def test_a_name_that_the_certificate_lacks_is_not_believed(encrypted: Setting) -> None:
    """The host of the URL has to stand in the certificate."""
    url = f"tls://127.0.0.2:{encrypted.server.port}"
    settings = msgspec.structs.replace(encrypted.settings, nats_url=url)

    async with Wire(settings, name="test") as wire:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wire.ready(), 0.5)


async def test_no_password_goes_where_no_tls_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that stands in for ours, and offers no TLS, hears not a word of us."""
    heard: list[bytes] = []
    monkeypatch.setattr("bus.connection.CONNECT_WITHIN", 0.5)

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"x","version":"2.14.0","max_payload":1048576}\r\n')
        heard.append(await reader.read(1000))
        writer.close()

    settings = BusSettings(
        user="u", password=PASSWORD, home=tmp_path, tls=Authority().folder(tmp_path / "tls")
    )
    async with await asyncio.start_server(play, "127.0.0.1", 0) as server:
        url = f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        settings = msgspec.structs.replace(settings, nats_url=url)
        async with Wire(settings, name="test") as wire:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(wire.ready(), 0.5)
        with pytest.raises(LogUnavailable, match="asks for no TLS"):
            async with session(settings, name="test"):
                pytest.fail("connected")

    assert len(heard) > 1
    assert set(heard) == {b""}


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda folder: (folder / "key.pem").unlink(), "key.pem is missing"),
        (lambda folder: (folder / "ca.pem").write_text("no PEM"), "PEM"),
        (lambda folder: (folder / "cert.pem").write_text("no PEM"), "PEM"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, spoil: object, told: str) -> None:
    """What cannot be loaded is said at the start, with the file and what is expected."""
    folder = Authority().folder(tmp_path / "tls")
    assert callable(spoil)
    spoil(folder)

    with pytest.raises(SettingInvalid, match=told):
        tls.context(BusSettings(home=tmp_path, tls=folder))


def test_tls_is_spoken_where_it_is_asked_for(tmp_path: Path) -> None:
    """By a folder, or by one URL of several; else the log is met in the clear, as on loopback."""
    assert tls.context(BusSettings(home=tmp_path)) is None
    assert tls.context(BusSettings(home=tmp_path, nats_url="nats://a:1,tls://b:2"))
    with pytest.raises(SettingInvalid, match="cannot be first"):
        tls.context(BusSettings(home=tmp_path, tls_first=True))
    with pytest.raises(SettingInvalid, match="is no folder"):
        tls.context(BusSettings(home=tmp_path, tls=tmp_path / "missing"))
