"""Upstreams: where to connect, and the idle connections that are kept for the next request."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edge.router.gateway import SCHEMES, gateway
from edge.router.replicas import Health

if TYPE_CHECKING:
    from edge.router.back import Back

_UNIX = "unix:"


class BadAddress(ValueError):
    """An upstream's address is no socket's file name, no host:port and no plain URL."""


class Upstream:
    """One address that answers, for as long as a route names it."""

    __slots__ = ("active", "address", "gateway", "health", "idle", "retired", "users")

    def __init__(self, address: str) -> None:
        """Nothing is connected before it is needed."""
        self.address = address
        self.gateway = gateway(address)  # None: it answers at the root, as whoever is asked for
        self.health = Health()
        self.idle: list[Back] = []  # the last one used is the next one used
        self.active = 0  # requests that picked it and have not ended
        self.retired = False  # no route names it: connections end with their request
        self.users = 0  # routes that name it

    def take(self) -> "Back | None":
        """Return an idle connection that is still open, None for none."""
        while self.idle:
            back = self.idle.pop()
            if not back.transport.is_closing():
                return back
        return None

    def put(self, back: "Back") -> None:
        """Keep a connection for the next request."""
        self.idle.append(back)

    def retire(self) -> None:
        """Close what is idle; what is active ends with its request."""
        self.retired = True
        self.close_idle(before=float("inf"))

    def close_idle(self, *, before: float) -> None:
        """Close the connections that have been idle since ``before`` or longer."""
        stale = [back for back in self.idle if back.idle_since <= before]
        if stale:
            self.idle = [back for back in self.idle if back.idle_since > before]
            for back in stale:
                back.transport.close()

    def forget(self, back: "Back") -> None:
        """Drop a connection that the upstream closed."""
        if back in self.idle:
            self.idle.remove(back)


class Upstreams:
    """All upstreams, one per address, counted by the routes that name them."""

    def __init__(self, run: Path) -> None:
        """Find sockets in the folder ``run``."""
        self._run = run
        self._known: dict[str, Upstream] = {}
        self._tls: ssl.SSLContext | None = None  # slow to make, and most routers need none

    def acquire(self, address: str) -> Upstream:
        """Return the upstream of an address, for one more route."""
        upstream = self._known.get(address)
        if upstream is None:
            upstream = self._known[address] = Upstream(address)
        upstream.users += 1
        return upstream

    def release(self, address: str) -> None:
        """Let a route's upstream go; the last one out drops its idle connections."""
        upstream = self._known[address]
        upstream.users -= 1
        if not upstream.users:
            del self._known[address]
            upstream.retire()

    def close_idle(self, *, before: float) -> None:
        """Close what has been idle too long, everywhere."""
        for upstream in self._known.values():
            if upstream.idle:
                upstream.close_idle(before=before)

    async def connect(self, upstream: Upstream, factory: "Callable[[], Back]") -> "Back":
        """Return a new connection; raises OSError, or BadAddress."""
        loop = asyncio.get_running_loop()
        address = upstream.address
        if address.startswith(_UNIX):
            name = address[len(_UNIX) :]
            if not name or Path(name).name != name:  # a fact must not lead out of the folder
                raise BadAddress(address)
            _, back = await loop.create_unix_connection(factory, str(self._run / name))
            return back
        if upstream.gateway is not None:
            there = upstream.gateway
            if there.tls and self._tls is None:
                self._tls = await asyncio.to_thread(ssl.create_default_context)
            tls = self._tls if there.tls else None
            _, back = await loop.create_connection(factory, there.host, there.port, ssl=tls)
            return back
        if address.startswith(SCHEMES):
            raise BadAddress(address)
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal():
            raise BadAddress(address)
        _, back = await loop.create_connection(factory, host.strip("[]"), int(port))
        return back
