"""Source: the network that a request comes from; addresses of people stay out of the log."""

import ipaddress
from collections.abc import Iterable
from typing import Final

HERE: Final = "here"  # this machine, or a socket of it
PREFIXES: Final = {4: 24, 6: 48}  # what a provider gives to one place, at least


def network(address: str) -> str:
    """Return the network of an address, as 203.0.113.0/24; ``here`` for this machine's own."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return HERE
    mapped = getattr(found, "ipv4_mapped", None) or found
    if mapped.is_loopback or mapped.is_unspecified:
        return HERE
    prefix = PREFIXES[mapped.version]
    return str(ipaddress.ip_network(f"{mapped}/{prefix}", strict=False))


def source_of(forwarded: bytes, trusted: Iterable[str] = ()) -> str:
    """Return the network of who called the router, by the X-Forwarded-For that the router wrote.

    ``trusted`` are the proxies before it: the nearest address that is none of them is the caller's.
    """
    proxies = tuple(ipaddress.ip_network(one, strict=False) for one in trusted)
    told = ""
    for node in reversed(forwarded.decode("latin-1").split(",")):
        told = node.strip()
        if not _within(told, proxies):
            break
    return network(told)


def _within(
    address: str, networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
) -> bool:
    try:
        return any(ipaddress.ip_address(address) in each for each in networks)
    except ValueError:
        return False
