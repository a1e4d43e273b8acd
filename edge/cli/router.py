"""`pushline router`: the one public port, in a process of its own."""

import sys
from pathlib import Path

from edge.cli import apart, home, logs, process, settings
from edge.cli.listen import listener, metrics_of


def router() -> int:
    """Lead callers to functions, and the platform's own hosts to the edge, until SIGTERM.

    It serves what it knows while the log is away. Any number may run, also on one machine at one
    port (SO_REUSEPORT): one a core. An exit code of 78 says that starting it again would not help.
    """
    return process.guarded(_run)


def _run() -> int:
    from edge.cli.signing_in import auth_of
    from edge.router.main import run
    from edge.router.settings import RouterSettings

    chosen, warnings, environ = settings.current()
    logs.configure("router", level=chosen.log_level, format=chosen.log_format)
    for warning in warnings:
        sys.stderr.write(f"warning: {warning}\n")
    host, port = settings.address(chosen.listen, allow_remote=chosen.allow_remote)
    place = home.prepare(settings.home_of(chosen, environ))
    bus = apart.log_of(chosen, "router", place.path)
    public = settings.public_of(chosen)
    platform, run_folder = chosen.edge_address, place.run
    if platform.startswith(apart.UNIX):  # an upstream's socket is a name in the folder of sockets
        run_folder = Path(platform.removeprefix(apart.UNIX)).parent
        platform = apart.UNIX + Path(platform).name
    numbers = metrics_of(chosen)
    with listener(host, port, "listen", shared=True) as taken:
        told = RouterSettings(
            home=place.path,
            run=run_folder,
            root_domain=chosen.root_domain,
            platform=platform,
            auth=auth_of(chosen, chosen.token),
            listen_fd=taken.detach(),
            nats_url=bus.nats_url,
            nats_user=bus.user,
            nats_password=bus.password,
            nats_tls=bus.tls,
            nats_tls_first=bus.tls_first,
            trusted_proxies=settings.trusted_of(chosen),
            connections_per_client=chosen.connections_per_client,
            access_log_every=chosen.access_log_every,
            metrics_fd=numbers.detach() if numbers else -1,
            forwarded_proto="https" if public.startswith("https://") else "http",
        )
    run(told)
    return process.OK
