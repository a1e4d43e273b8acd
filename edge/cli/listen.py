"""A port that somebody has written down, and no other; `up` may take the next."""

import errno
import socket
from typing import Final

from edge.cli.settings import Settings, address
from edge.cli.variables import variable
from schemas.errors import PushlineError

BACKLOG: Final = 1024


class PortTaken(PushlineError):
    """The port that was asked for cannot be listened on, nor one that would do."""

    code = "port_taken"


def listener(host: str, port: int, name: str, *, shared: bool = False) -> socket.socket:
    """Return a socket that listens there; PortTaken names the setting.

    ``shared``: other processes of this user may listen there too, the kernel shares callers out.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        opened.bind((host, port))
        opened.listen(BACKLOG)
    except OSError as error:
        opened.close()
        reasons = {errno.EADDRINUSE: "it is taken", errno.EACCES: "it is not ours to take"}
        raise PortTaken(
            f"{variable(name)}: cannot listen on {host}, port {port}: "
            f"{reasons.get(error.errno or 0, error.strerror)}",
            hint="end what listens there, or name another port",
        ) from error
    return opened


def metrics_of(chosen: Settings) -> socket.socket | None:
    """Return where this process tells of its health, None where nobody wants to know."""
    if not chosen.metrics_listen:
        return None
    remote, name = chosen.allow_remote, "metrics_listen"
    return listener(*address(chosen.metrics_listen, allow_remote=remote, name=name), name)
