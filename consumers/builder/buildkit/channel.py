"""Reaching a daemon: by a unix socket, TCP with or without TLS, or through a Docker Engine."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import grpc

from consumers.builder.buildkit.calls import OPTIONS
from consumers.builder.buildkit.errors import Denied
from consumers.builder.buildkit.upgrade import relayed

PORT: Final = 1234  # buildkitd's own


@dataclass(frozen=True, slots=True)
class Address:
    """Where a daemon is; raises ValueError for what is no address."""

    scheme: str  # unix, tcp, docker
    place: str  # a path, or host:port

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Return the parts of unix:///PATH, tcp://HOST[:PORT] or docker:///PATH."""
        parts = urlsplit(url)
        if parts.scheme in ("unix", "docker"):
            path = parts.netloc + parts.path
            if not path.startswith("/"):
                raise ValueError(f"{url!r}: give a whole path, as {parts.scheme}:///run/x.sock")
            return cls(parts.scheme, path)
        if parts.scheme == "tcp" and parts.hostname and parts.path in ("", "/"):
            host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
            return cls("tcp", f"{host}:{parts.port or PORT}")
        raise ValueError(f"{url!r} is none of unix:///PATH, tcp://HOST:PORT and docker:///PATH")


@contextlib.asynccontextmanager
async def channel(url: str, tls: Path | None, server_name: str) -> AsyncIterator[grpc.aio.Channel]:
    """Yield a channel; whether somebody answers shows at the first call."""
    address = Address.parse(url)
    if tls is not None and address.scheme != "tcp":
        raise ValueError(f"{url!r}: TLS goes with tcp:// alone")
    async with contextlib.AsyncExitStack() as stack:
        target = address.place
        if address.scheme == "docker":
            target = await stack.enter_async_context(relayed(address.place))
        if address.scheme != "tcp":
            target = f"unix:{target}"
        options: list[tuple[str, str | int]] = list(OPTIONS)
        if tls is None:
            made = grpc.aio.insecure_channel(target, options=options)
        else:
            if server_name:
                options.append(("grpc.ssl_target_name_override", server_name))
            made = grpc.aio.secure_channel(target, await certificates(tls), options=options)
        yield await stack.enter_async_context(made)


async def certificates(folder: Path) -> grpc.ChannelCredentials:
    """Return what is in ca.pem, cert.pem and key.pem; the last two go together, or not at all."""
    found: dict[str, bytes] = {}
    for name in ("ca.pem", "cert.pem", "key.pem"):
        try:
            found[name] = await asyncio.to_thread((folder / name).read_bytes)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise Denied(f"{folder / name} cannot be read: {error.strerror}") from error
    if "ca.pem" not in found:
        raise Denied(f"{folder} has no ca.pem: put the authority of the daemon's certificate there")
    if ("cert.pem" in found) != ("key.pem" in found):
        raise Denied(f"{folder} has one of cert.pem and key.pem: a client needs both")
    return grpc.ssl_channel_credentials(
        found["ca.pem"], found.get("key.pem"), found.get("cert.pem")
    )
