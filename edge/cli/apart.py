"""A process apart: what its settings make of it, and which settings cannot work together.

``up`` has one home and one log of its own; here the log is somewhere else, and what processes
share has to be said.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bus.settings import GIB, BusSettings
from edge.cli import home as homes
from edge.cli.home import Endpoint
from edge.cli.platform_settings import Forge, PlatformSettings
from edge.cli.release import version
from edge.cli.settings import Settings, address, for_tools, home_of, public_of
from edge.cli.stores import with_blobs
from edge.cli.variables import variable
from schemas.errors import SettingInvalid

UNIX: Final = "unix:"
WITH_TOKEN: Final = frozenset({"source"})  # consumers that ask the edge for something


def log_of(chosen: Settings, role: str, home: Path) -> BusSettings:
    """Return how this role meets the log; refuses where none was named."""
    if not chosen.nats_url:
        raise SettingInvalid(
            f"{variable('nats_url')} is not set: there is no log to work with",
            hint="name the log's servers, as nats://127.0.0.1:4222; `pushline up` has its own",
        )
    # a log that asks for no password knows no roles either
    user = chosen.nats_user or (role if chosen.nats_password else "")
    return BusSettings(
        nats_url=chosen.nats_url,
        user=user,
        password=chosen.nats_password,
        tls=Path(chosen.nats_tls).absolute() if chosen.nats_tls else None,
        tls_first=chosen.nats_tls_first,
        home=home,
        replicas=chosen.log_replicas,
        log_bytes=chosen.log_room * GIB,
    )


def endpoint(chosen: Settings) -> Endpoint:
    """Return where users' commands, router and source meet the edge."""
    host, port, socket = _met(chosen.edge_address)
    public = public_of(chosen)
    at = f"localhost:{port}" if socket else chosen.edge_address
    return Endpoint(
        url=public.replace("://", "://system.") or f"http://{at}",
        host=host,
        port=port,
        root_domain=chosen.root_domain,
        token=chosen.token,
        log=chosen.nats_url,
        pid=os.getpid(),
        started=datetime.now(UTC),
        version=version(),
        public=public or f"http://{chosen.root_domain}:{chosen.listen.rpartition(':')[2]}",
        socket=socket,
    )


def settings(
    chosen: Settings, environ: Mapping[str, str], consumers: tuple[str, ...] = ()
) -> PlatformSettings:
    """Return what the edge, or these consumers, are made of; refuses what cannot work."""
    _check(chosen, consumers)
    place = homes.prepare(home_of(chosen, environ))
    at = endpoint(chosen)
    bus = with_blobs(log_of(chosen, "platform", place.path), chosen)
    socket = Path(at.socket) if at.socket else None
    host = "localhost" if socket else chosen.edge_address
    return PlatformSettings(
        settings=chosen,
        endpoint=at,
        home=place.path,
        run=place.run,
        forge=Forge(f"http://{host}/git", socket),
        bus=bus,
        tools=for_tools(environ),
    )


def _check(chosen: Settings, consumers: tuple[str, ...]) -> None:
    """Refuse what works on one machine, under one ``up``, only."""
    needed = {"builder": "buildkit", "platform": "openfaas"}
    for name, value in needed.items():
        if (given := getattr(chosen, name)) != value:
            raise SettingInvalid(
                f"{variable(name)}={given} works within `pushline up` only",
                hint=f"set {variable(name)}={value}",
            )
    if chosen.blobs == "directory" and not chosen.blobs_folder:
        raise SettingInvalid(
            "processes apart have to share their blobs",
            hint=f"set {variable('blobs')}=s3, or {variable('blobs_folder')} to a folder that "
            "all of them have",
        )
    if not chosen.token and (not consumers or WITH_TOKEN & set(consumers)):
        raise SettingInvalid(
            f"{variable('token')} is not set: nobody could push, nothing could be fetched",
            hint=f"give the edge and the consumer source the same one, or {variable('token')}_FILE",
        )


def listening(chosen: Settings) -> tuple[str, int] | Path:
    """Return where the edge listens: an address, or a socket's path."""
    if chosen.edge_listen.startswith(UNIX):
        return Path(chosen.edge_listen.removeprefix(UNIX))
    return address(chosen.edge_listen, allow_remote=chosen.allow_remote, name="edge_listen")


def _met(where: str) -> tuple[str, int, str]:
    """Return host, port and socket of the edge."""
    if where.startswith(UNIX):
        return "localhost", 80, where.removeprefix(UNIX)
    host, _, port = where.rpartition(":")
    return host.strip("[]"), int(port), ""
