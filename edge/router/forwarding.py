"""Who called: what upstreams are told of it, and which proxies before us are believed.

X-Forwarded-For and Forwarded (RFC 7239) say the same in two spellings. What a caller claims by
itself is dropped; what a trusted proxy claims is kept in front of the proxy's own address.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

from schemas.errors import SettingInvalid

# An address, as proxies write it: bare, or with a port, IPv6 then in brackets.
_NODE: Final = re.compile(rb"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::[0-9]{1,5})?|([0-9A-Fa-f:.]+)")
_MOST: Final = 16  # proxies one behind another


class Trusted:
    """The proxies that are believed: addresses and networks."""

    def __init__(self, networks: Iterable[str]) -> None:
        """Raise SettingInvalid for what is neither."""
        try:
            self._networks = tuple(ipaddress.ip_network(one, strict=False) for one in networks)
        except ValueError as error:
            raise SettingInvalid(f"trusted_proxies: {error}") from error

    def __bool__(self) -> bool:
        """Tell whether anybody is."""
        return bool(self._networks)

    def __contains__(self, peer: str) -> bool:
        """Tell whether this address is."""
        if not self._networks:
            return False
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:  # a Unix socket
            return False
        return any(address in network for network in self._networks)

    def caller(self, chain: bytes) -> str:
        """Return the nearest address of a chain that is not a proxy of ours."""
        nodes = chain.decode().split(", ") if chain else []
        for node in reversed(nodes):
            if node not in self:
                return node
        return nodes[0] if nodes else ""


def chain(values: Iterable[bytes]) -> bytes:
    """Return the addresses of X-Forwarded-For, as far as they are addresses, nearest last."""
    kept: list[str] = []
    for part in reversed(b",".join(values).split(b",")):
        found = _NODE.fullmatch(part.strip())
        try:
            text = (found[1] or found[2] or found[3]).decode() if found else ""
            kept.append(str(ipaddress.ip_address(text)))
        except ValueError:  # what is further away was written by somebody who writes nonsense
            break
        if len(kept) == _MOST:
            break
    return ", ".join(reversed(kept)).encode()


def told(peer: str, before: bytes = b"") -> bytes:
    """Return X-Forwarded-For, and the beginning of Forwarded, which ``claims`` ends."""
    nodes = [*(before.decode().split(", ") if before else ()), peer]
    listed = ", ".join(f"for={_quoted(node)}" for node in nodes)
    return f"X-Forwarded-For: {', '.join(nodes)}\r\nForwarded: {listed}".encode()


def claims(authority: bytes, proto: bytes) -> bytes:
    """Return the end of Forwarded: what was asked for, and how."""
    return b';host="%b";proto=%b\r\n' % (authority, proto)


def _quoted(node: str) -> str:
    if ":" in node:
        return f'"[{node}]"'
    return node if node[:1].isdigit() else f"_{node}"
