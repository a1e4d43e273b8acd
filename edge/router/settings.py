"""Settings of the router; ``edge/cli`` fills them."""

from pathlib import Path

import msgspec

from edge.auth.settings import AuthSettings


class RouterSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the router listens, what it knows its hosts by, how long it waits; times in seconds.

    The bus's settings stand here as plain fields: importing the bus would double the time
    until the port answers.
    """

    home: Path  # snapshots of folds, and what the bus keeps beside the log
    run: Path  # folder of the Unix sockets that upstreams name
    root_domain: str = "localhost"
    platform: str = "unix:platform.sock"  # the upstream of the platform's own hosts
    platform_hosts: tuple[str, ...] = ()  # beside system.<root> and this machine's own names

    listen_host: str = "127.0.0.1"
    listen_port: int = 8080  # 0: one that is free
    listen_fd: int = -1  # a socket that the parent has bound already, instead of host and port
    ready_fd: int = -1  # told "<port>\n" once connections are taken, then closed; -1: nobody

    auth: AuthSettings = AuthSettings()  # by what callers of closed routes are told

    nats_url: str = ""  # "": no log to follow, the snapshot is all there is
    nats_user: str = ""
    nats_password: str = ""
    nats_tls: Path | None = None  # folder of certificates
    nats_tls_first: bool = False

    forwarded_proto: str = "http"  # https where something before us ends TLS
    trusted_proxies: tuple[str, ...] = ()  # addresses, networks: their X-Forwarded-For is kept
    max_connections: int = 4096  # from callers; each may need one to an upstream too
    connections_per_client: int = 0  # from one address that is no trusted proxy; 0: any number
    header_timeout: float = 10.0  # from a request's first byte to the end of its head
    keep_alive: float = 75.0  # of a caller's connection without a request
    connect_timeout: float = 2.0
    connect_patience: float = 1.0  # how long a refused connect is tried again
    response_timeout: float = 60.0  # from the end of a request to the head of its response
    stall_timeout: float = 60.0  # no byte moved in a body
    tunnel_timeout: float = 300.0  # no byte moved in a WebSocket
    upstream_idle: float = 3.0  # watchdogs keep theirs 10 s, so that we always close first
    linger: float = 2.0  # reading on after a refusal, so that it is not lost in a reset
    drain_timeout: float = 30.0  # after SIGTERM

    name: str = "router"  # of this process, in metrics
    metrics_fd: int = -1  # a socket that listens for /healthz and /metrics; -1: nobody asks there
    metrics_socket: Path | None = None  # where the platform asks for numbers
    usage_every: float = 10.0  # what functions were asked is sent to the log so often
    access_log: Path | None = None  # None: standard output
    access_log_every: int = 1  # one in so many requests is logged, 0: none; 5xx always

    def __repr__(self) -> str:
        """Return what may be shown: not the password."""
        return f"RouterSettings(root_domain={self.root_domain!r}, run={str(self.run)!r})"
