"""Upstreams behind a gateway: a path of theirs takes the place of the function's name.

``http(s)://host[:port]/path`` is connected to like any other, over TLS with its certificate
verified for https. The gateway gets its own name as Host, for it may share its port with others;
the caller's stands in X-Forwarded-Host.
"""

import re
from typing import Final, NamedTuple

SCHEMES: Final = ("http://", "https://")
_ADDRESS: Final = re.compile(
    r"http(?P<tls>s?)://(?P<host>[A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>(?:/[A-Za-z0-9._~-]+)*)/?"
)
_LARGEST_PORT: Final = 65535


class Gateway(NamedTuple):
    """Where a gateway is, and which of its paths one function has."""

    host: str
    port: int
    tls: bool
    name: bytes  # the whole Host line
    path: bytes  # without a slash at its end; nothing for the root

    def said(self, line: bytes, onward: bytes) -> tuple[bytes, bytes]:
        """Return a request line and a block of fields, which begins with Host, as it gets them."""
        target = line.index(b" ") + 1
        fields = onward.index(b"\r\n") + 2
        return line[:target] + self.path + line[target:], self.name + onward[fields:]


def gateway(address: str) -> Gateway | None:
    """Return what an upstream's address says, None where it is no URL or not a plain one."""
    found = _ADDRESS.fullmatch(address)
    if found is None or not _plain(found["path"]):
        return None
    usual = 443 if found["tls"] else 80
    port = int(found["port"] or usual)
    if not 0 < port <= _LARGEST_PORT:
        return None
    shown = found["host"] if port == usual else f"{found['host']}:{port}"
    host = found["host"].strip("[]")
    name = f"Host: {shown}\r\n".encode()
    return Gateway(host, port, bool(found["tls"]), name, found["path"].encode())


def _plain(path: str) -> bool:
    return not any(segment in (".", "..") for segment in path.split("/"))
