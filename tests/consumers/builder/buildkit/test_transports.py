"""The ways to a daemon: a unix socket, TCP, TLS from one side and from both, an engine."""

import asyncio
from pathlib import Path

import pytest
import uvloop

from consumers.builder.buildkit import Client, Denied, FolderContext, Unavailable
from consumers.builder.buildkit.channel import Address
from consumers.builder.buildkit.upgrade import relayed
from tests.consumers.builder.buildkit.conftest import Folder
from tests.consumers.builder.buildkit.kitchen import build
from tests.consumers.builder.buildkit.relays import authority, certified, walled
from tests.heavy.engines import Engine

STEPS = "RUN true\n"


@pytest.mark.parametrize(
    ("url", "scheme", "place"),
    [
        ("unix:///run/buildkit/buildkitd.sock", "unix", "/run/buildkit/buildkitd.sock"),
        ("docker:///var/run/docker.sock", "docker", "/var/run/docker.sock"),
        ("tcp://builder.internal", "tcp", "builder.internal:1234"),
        ("tcp://127.0.0.1:9999", "tcp", "127.0.0.1:9999"),
        ("tcp://[::1]:9999", "tcp", "[::1]:9999"),
    ],
)
def test_address(url: str, scheme: str, place: str) -> None:
    """Every form of address is understood."""
    assert Address.parse(url) == Address(scheme, place)


@pytest.mark.parametrize("url", ["", "http://x", "unix://", "docker://run/x", "tcp://", "/run/x"])
def test_what_is_no_address(url: str) -> None:
    """Another url is refused, with the forms that there are."""
    with pytest.raises(ValueError, match=r"unix:///|docker:///"):
        Address.parse(url)


async def test_unix_socket(engine: Engine, folder: Folder) -> None:
    """A daemon's own socket is dialled directly."""
    async with relayed(str(engine.socket)) as path, Client.connect(f"unix://{path}") as client:
        assert client.kind == "buildkitd"
        await build(client, FolderContext(folder(STEPS)))


async def test_tcp(engine: Engine, folder: Folder) -> None:
    """A daemon on a port, without TLS."""
    async with (
        walled(engine.socket, None, mutual=False) as place,
        Client.connect(f"tcp://{place}") as client,
    ):
        await build(client, FolderContext(folder(STEPS)))


@pytest.mark.weakness(5)
@pytest.mark.parametrize("mutual", [True, False])
async def test_tls(engine: Engine, folder: Folder, tmp_path: Path, mutual: bool) -> None:  # noqa: FBT001 - a column
    """A build through TLS, with and without a certificate of the client's."""
    ca = authority(tmp_path / "ca")
    daemon = certified(tmp_path / "daemon", ca, "builder.internal")
    ours = certified(tmp_path / "ours", ca, "pushline")
    if not mutual:
        (ours / "cert.pem").unlink()
        (ours / "key.pem").unlink()

    async with (
        walled(engine.socket, daemon, mutual=mutual) as place,
        Client.connect(f"tcp://{place}", ours) as client,
    ):
        await build(client, FolderContext(folder(STEPS)))


async def test_tls_by_the_name_in_the_certificate(engine: Engine, tmp_path: Path) -> None:
    """A daemon that is reached by another name than its own is checked by its own."""
    ca = authority(tmp_path / "ca")
    daemon = certified(tmp_path / "daemon", ca, "builder.internal")
    async with walled(engine.socket, daemon, mutual=False) as place:
        port = place.rpartition(":")[2]
        url = f"tcp://localhost:{port}"

        with pytest.raises(Denied):
            async with Client.connect(url, ca):
                pass
        async with Client.connect(url, ca, server_name="builder.internal") as client:
            assert await client.workers()


@pytest.mark.parametrize("wrong", ["authority", "client"])
async def test_tls_with_wrong_certificates(engine: Engine, tmp_path: Path, wrong: str) -> None:
    """Certificates of somebody else are refused on either side; that is for a person to mend."""
    ca, other = authority(tmp_path / "ca"), authority(tmp_path / "other")
    daemon = certified(tmp_path / "daemon", ca, "builder.internal")
    ours = certified(tmp_path / "ours", other, "pushline")
    if wrong == "client":
        (ours / "ca.pem").write_bytes((ca / "ca.pem").read_bytes())

    async with walled(engine.socket, daemon, mutual=True) as place:
        with pytest.raises((Denied, Unavailable)) as caught:
            async with Client.connect(f"tcp://{place}", ours):
                pass

    if wrong == "client":  # the daemon hangs up, in TLS 1.3 without a word
        assert "or it refuses" in str(caught.value)
    else:
        assert isinstance(caught.value, Denied)


@pytest.mark.parametrize(
    ("missing", "why"),
    [("ca.pem", "no ca.pem"), ("key.pem", "needs both"), ("cert.pem", "needs both")],
)
async def test_a_folder_of_certificates_that_is_not_whole(
    tmp_path: Path, missing: str, why: str
) -> None:
    """What is missing is named before anybody is dialled."""
    for name in {"ca.pem", "cert.pem", "key.pem"} - {missing}:
        (tmp_path / name).write_text("x")

    with pytest.raises(Denied, match=why):
        async with Client.connect("tcp://127.0.0.1:9", tmp_path):
            pass


async def test_certificates_go_with_tcp_alone(tmp_path: Path) -> None:
    """TLS over a unix socket is a mistake of the caller's."""
    with pytest.raises(ValueError, match="tcp"):
        async with Client.connect("unix:///run/x.sock", tmp_path):
            pass


@pytest.mark.parametrize("url", ["unix://{}", "docker://{}", "tcp://127.0.0.1:9"])
async def test_nobody_is_there(url: str, tmp_path: Path) -> None:
    """A daemon that is not there is worth another try, and found soon."""
    with pytest.raises(Unavailable) as caught:
        async with asyncio.timeout(15), Client.connect(url.format(tmp_path / "none.sock")):
            pass

    assert caught.value.retryable


async def test_somebody_else_is_there(tmp_path: Path) -> None:
    """A socket that answers like a web server is no engine, and nothing is left behind."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    path = tmp_path / "web.sock"
    async with await asyncio.start_unix_server(refuse, path):
        with pytest.raises(Unavailable):
            async with asyncio.timeout(15), Client.connect(f"docker://{path}"):
                pass


def test_uvloop(engine: Engine, folder: Folder) -> None:
    """The platform's own event loop carries it as well, one loop after the other."""
    made = FolderContext(folder(STEPS))

    async def once() -> None:
        async with Client.connect(engine.url) as client:
            await build(client, made)

    uvloop.run(once())
    uvloop.run(once())
