"""What the parts of a house are told: each its own settings, and no more."""

import socket
from collections.abc import Sequence

import msgspec
import structlog

from bus import water
from bus.server import NatsServer
from consumers.deployer.local.settings import MIB, Limits, SupervisorSettings
from edge.cli import child, processes
from edge.cli.home import Endpoint, Home
from edge.cli.platform_settings import SOCKET, Forge, PlatformSettings
from edge.cli.settings import Settings, trusted_of
from edge.cli.signing_in import auth_of
from edge.cli.stores import with_blobs
from edge.router.settings import RouterSettings

log = structlog.get_logger(__name__)


def log_server(place: Home) -> NatsServer:
    """Start the log's server; it dies with this thread."""
    nats = NatsServer(place.path)
    nats.start()
    processes.record(place.pids, nats.pid, "nats-server")
    return nats


async def initialised(nats: NatsServer) -> None:
    """Make the log, the first time; the platform brings it up to date at each start."""
    settings = nats.settings("init")
    if water.read(settings.home) is None:
        from bus import streams  # the log's client is slow to import, and needed here only once

        await streams.init(settings)
        log.info("log_initialised")


def payloads(
    settings: Settings,
    place: Home,
    endpoint: Endpoint,
    nats: NatsServer,
    *,
    listeners: Sequence[socket.socket],
    tools: dict[str, str],
) -> dict[str, bytes]:
    """Return what each child is handed."""
    router = nats.settings("router")
    told: dict[str, msgspec.Struct] = {
        processes.router_name(number): RouterSettings(
            home=place.path,
            run=place.run,
            root_domain=settings.root_domain,
            platform_hosts=(endpoint.host,),
            auth=auth_of(settings, endpoint.token),
            listen_fd=listener.fileno(),
            trusted_proxies=trusted_of(settings),
            connections_per_client=settings.connections_per_client,
            nats_url=router.nats_url,
            nats_user=router.user,
            nats_password=router.password,
            access_log_every=0,
            name=processes.router_name(number),
            metrics_socket=place.run / f"{processes.router_name(number)}-metrics.sock",
        )
        for number, listener in enumerate(listeners)
    }
    told |= {
        "platform": PlatformSettings(
            settings=settings,
            endpoint=endpoint,
            home=place.path,
            run=place.run,
            forge=Forge("http://localhost/git", place.run / SOCKET),
            bus=with_blobs(nats.settings("platform"), settings),
            init=nats.settings("init"),
            tools=tools,
        ),
        "supervisor": SupervisorSettings(
            home=place.path,
            run=place.run,
            bus=nats.settings("supervisor"),
            limits=Limits(memory=settings.function_memory * MIB),
            log_bytes=settings.quota_log * MIB,
            isolate=settings.isolate,
        ),
    }
    return {
        name: child.payload(each, log_level=settings.log_level, log_format=settings.log_format)
        for name, each in told.items()
    }
