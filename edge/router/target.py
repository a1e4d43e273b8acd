"""Target: what a request was found to be for."""

from collections.abc import Sequence
from copy import copy
from typing import TYPE_CHECKING, Final

from edge.router.replicas import Replicas
from edge.router.request import Fields, Line
from edge.router.rules import Rules
from edge.router.settings import RouterSettings
from edge.router.upstream import Upstream
from edge.router.usage import Tally

if TYPE_CHECKING:
    from edge.router.routes import Route

JOINED: Final = 2  # /function/<label>-<function>, on the platform's own hosts
# Whatever a function answers there has an origin of its own: a page of a tenant's is not one of
# ours, whose scripts could do all that its visitor may.
SANDBOX: Final = b"Content-Security-Policy: sandbox allow-scripts allow-forms\r\n"


class Target:
    """Who answers, and under which conditions; one per route, replaced at a switch."""

    __slots__ = (
        "_root",
        "depth",
        "gateway",
        "name",
        "own",
        "replicas",
        "revision",
        "rules",
        "sandbox",
        "settings",
        "tally",
        "upstream",
    )

    def __init__(
        self,
        upstream: Upstream,
        depth: int,
        settings: RouterSettings,
        route: "Route | None" = None,
        *,
        rules: Rules | None = None,
        tally: Tally | None = None,
        own: bool = False,
    ) -> None:
        """Take ``depth``: how many leading segments of the path were the name."""
        self.own = own  # the platform, which gets credentials of ours; functions do not
        self.upstream = upstream
        self.gateway = upstream.gateway
        self.depth = depth
        self.sandbox = SANDBOX if depth == JOINED else b""
        self.settings = settings  # how long is waited for it
        self.rules = rules  # None: every request is let in
        self._root: Target | None = None
        self.replicas: Replicas | None = None  # of which this is one
        self.tally = tally  # None: of nobody's usage
        self.name = "" if route is None else f"{route.label}/{route.environment}/{route.function}"
        self.revision = "" if route is None else route.revision

    def at_root(self) -> "Target":
        """Return the same, answering at / without a name in the path."""
        root = self._root
        if root is None:
            root = self._root = copy(self)
            root.depth = 0
        return root

    def head(self, line: Line, fields: Fields, identity: bytes) -> bytes:
        """Return what of a request's head depends on who answers, and on who asks."""
        first, onward = line.heads[self.depth], fields.onward if self.own else fields.bare
        if self.gateway is not None:
            first, onward = self.gateway.said(first, onward)
        return b"".join((first, onward, identity))


def spread(targets: Sequence[Target]) -> Target:
    """Return one of a route's targets; where there are several, each knows of all."""
    if len(targets) > 1:
        replicas = Replicas(tuple(targets))
        for target in targets:
            target.replicas = replicas
    return targets[0]


def chosen(target: Target) -> Target:
    """Return who of a route's replicas gets the next request."""
    return target if target.replicas is None else target.replicas.pick()
