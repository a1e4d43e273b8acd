"""The table of hosts: from a canonical host and path to the upstream that answers there."""

from collections.abc import Mapping
from typing import Final

from edge.domains import Domain
from edge.predecessor import paths
from edge.router.admission import Doorkeeper
from edge.router.causes import AMBIGUOUS_NAME, NO_FUNCTION, NO_HOST, Refused
from edge.router.request import Line
from edge.router.routes import Route
from edge.router.rules import rules_of, waits_of
from edge.router.settings import RouterSettings
from edge.router.target import JOINED, Target, chosen, spread
from edge.router.upstream import Upstreams
from edge.router.usage import Meter

PRODUCTION: Final = "production"
OWN_PATH: Final = b".pushline"  # on every known host: where people sign in for that host
_OWN_NAMES: Final = (b"localhost", b"127.0.0.1", b"[::1]")
_JOINED: Final = b"function"  # /function/<label>-<function>, the path of OpenFaaS's gateway
_PLATFORMS: Final = frozenset(name.encode() for name in paths.JOINED)


class Table:
    """Hosts and functions; changed by ``apply`` alone, in the loop's thread."""

    def __init__(
        self,
        upstreams: Upstreams,
        settings: RouterSettings,
        meter: Meter,
        doorkeeper: Doorkeeper,
    ) -> None:
        """Begin with the platform's own hosts."""
        self._upstreams = upstreams
        self._settings = settings
        self._meter = meter
        self.doorkeeper = doorkeeper
        self._root = settings.root_domain.lower().rstrip(".")
        self.platform = upstreams.acquire(settings.platform)
        self._platform = Target(self.platform, 0, settings, own=True)
        self._own = {f"system.{self._root}".encode(), *_OWN_NAMES}
        self._own.update(
            f"[{host}]".encode() if ":" in host else host.lower().encode()
            for host in settings.platform_hosts
        )
        self._protected = {host.encode() for host in settings.auth.protected_hosts}
        self._sites: dict[bytes, dict[bytes, Target]] = {}
        self._joined: dict[bytes, dict[str, Target]] = {}  # by key: two may share a joined name
        self._mapped: dict[bytes, tuple[bytes, bytes]] = {}  # host: (tenant's host, function)
        self._rows: dict[str, Route] = {}

    def __len__(self) -> int:
        """Return how many functions have a route."""
        return len(self._rows)

    def find(self, host: bytes, line: Line) -> Target:
        """Return who answers; Refused says that nobody does."""
        if host in self._own:
            return self._find_joined(line.second) if line.name == _JOINED else self._platform
        site = self._sites.get(host)
        if site is None:
            return self._find_mapped(host, line)
        target = site.get(line.name)
        if target is None:
            if line.name == OWN_PATH:
                return self._platform
            raise Refused(NO_FUNCTION)
        return target if target.replicas is None else target.replicas.pick()

    def load(self, rows: Mapping[str, Route], domains: Mapping[str, Domain]) -> None:
        """Apply all rows of snapshots."""
        for key, route in rows.items():
            self.apply(key, route)
        for host, domain in domains.items():
            self.map(host, domain)

    def map(self, host: str, domain: Domain | None) -> None:
        """Lead a host of an operator's own somewhere, or nowhere; ours and tenants' go first."""
        if domain is None:
            self._mapped.pop(host.encode(), None)
        else:
            site = f"{domain.label.lower()}.{self._root}".encode()
            self._mapped[host.encode()] = site, domain.function.encode()

    def apply(self, key: str, route: Route | None) -> None:
        """Switch one function: every request from now on gets the new upstream."""
        old = self._rows.pop(key, None)
        if old == route and route is not None:
            self._rows[key] = route
            return
        if route is not None:
            self._rows[key] = route
            self._switch(key, route)
        if old is not None:
            if route is None:
                self._forget(key, old)
                self._meter.forget(old)
            for address in _addresses(old):
                self._upstreams.release(address)

    def _find_mapped(self, host: bytes, line: Line) -> Target:
        mapped = self._mapped.get(host)
        if mapped is None:
            if host in self._protected and line.name == OWN_PATH:
                return self._platform
            raise Refused(NO_HOST)
        if line.name == OWN_PATH:
            return self._platform
        site, function = mapped
        target = self._sites.get(site, {}).get(function or line.name)
        if target is None:
            raise Refused(NO_FUNCTION)
        return chosen(target).at_root() if function else chosen(target)

    def _switch(self, key: str, route: Route) -> None:
        """Put a route's targets in the place of the ones before."""
        upstreams = [self._upstreams.acquire(address) for address in _addresses(route)]
        site = self._sites.setdefault(self._host(route), {})
        name = route.function.encode()
        before = site.get(name)
        rules = rules_of(route, self.doorkeeper, None if before is None else before.rules)
        settings = waits_of(route.options, self._settings)
        tally = self._meter.tally(route)

        def target(depth: int) -> Target:
            return spread(
                [
                    Target(upstream, depth, settings, route, rules=rules, tally=tally)
                    for upstream in upstreams
                ]
            )

        site[name] = target(1)
        if route.environment == PRODUCTION:
            self._joined.setdefault(_joined(route), {})[key] = target(JOINED)

    def _find_joined(self, name: bytes) -> Target:
        if name in _PLATFORMS:
            return self._platform
        found = self._joined.get(name)
        if not found:
            raise Refused(NO_FUNCTION)
        if len(found) > 1:  # a-b + c and a + b-c: a guess could call a stranger's function
            raise Refused(AMBIGUOUS_NAME)
        return chosen(next(iter(found.values())))

    def _forget(self, key: str, old: Route) -> None:
        host, joined = self._host(old), _joined(old)
        site = self._sites.get(host, {})
        site.pop(old.function.encode(), None)
        if not site:
            self._sites.pop(host, None)
        same = self._joined.get(joined, {})
        same.pop(key, None)
        if not same:
            self._joined.pop(joined, None)

    def _host(self, route: Route) -> bytes:
        label = route.label.lower()
        if route.environment != PRODUCTION:
            label = f"{route.environment.lower()}--{label}"
        return f"{label}.{self._root}".encode()


def _joined(route: Route) -> bytes:
    return f"{route.label}-{route.function}".encode()


def _addresses(route: Route) -> tuple[str, ...]:
    """Return each of a route's upstreams, once."""
    if not route.upstreams:
        return (route.upstream,)
    return tuple(dict.fromkeys((route.upstream, *route.upstreams)))
