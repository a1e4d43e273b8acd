"""A daemon behind TLS, as far as one can be had: an engine's BuildKit, and a wall before it."""

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

from consumers.builder.buildkit.upgrade import relayed
from tests.heavy.programs import program


def authority(folder: Path) -> Path:
    """Make an authority's key and certificate in a folder."""
    folder.mkdir()
    openssl("req", "-x509", *key(folder / "ca-key.pem"), "-out", folder / "ca.pem", *named("ca"))
    return folder


def certified(folder: Path, by: Path, name: str) -> Path:
    """Make a folder with ca.pem, cert.pem and key.pem, as a daemon or a client has it."""
    folder.mkdir()
    (folder / "ca.pem").write_bytes((by / "ca.pem").read_bytes())
    request = folder / "request.pem"
    names = ("-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1")
    openssl("req", *key(folder / "key.pem"), "-out", request, *named(name), *names)
    signing = ("-CA", by / "ca.pem", "-CAkey", by / "ca-key.pem", "-copy_extensions", "copy")
    openssl("x509", "-req", "-in", request, *signing, "-out", folder / "cert.pem")
    return folder


def key(path: Path) -> tuple[str | Path, ...]:
    """Return the arguments for a new key without a password."""
    return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-keyout", path


def named(name: str) -> tuple[str, ...]:
    """Return the arguments for a subject."""
    return "-subj", f"/CN={name}"


def openssl(*arguments: str | Path) -> None:
    """Run openssl quietly."""
    binary = program("openssl", "openssl")
    subprocess.run([binary, *arguments], check=True, capture_output=True)


@contextlib.asynccontextmanager
async def walled(engine: Path, certificates: Path | None, *, mutual: bool) -> AsyncIterator[str]:
    """Yield host:port of an engine's BuildKit, spoken to directly, within TLS if there is any."""
    context = None
    if certificates:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
        context.load_verify_locations(certificates / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED if mutual else ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
    async with relayed(str(engine)) as inner:

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there, back = await asyncio.open_unix_connection(inner)
            # A cancelled connection is logged as an error by asyncio's streams.
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await asyncio.gather(pump(reader, back), pump(there, writer))

        server = await asyncio.start_server(carry, "127.0.0.1", 0, ssl=context)
        async with server:
            yield "{}:{}".format(*server.sockets[0].getsockname())


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes until there are no more."""
    try:
        while data := await reader.read(256 * 1024):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
