"""Rules: what one route asks of its requests; a route that asks nothing has none."""

import math
from typing import TYPE_CHECKING, Final

import msgspec

from edge.router import causes
from edge.router.admission import Admission, Doorkeeper
from edge.router.causes import Refused
from edge.router.limits import Rate, one_of
from edge.router.request import CHUNKED
from edge.router.settings import RouterSettings
from schemas.route import PUBLIC, RouteOptions

if TYPE_CHECKING:
    from edge.router.front import Front
    from edge.router.routes import Route

NO_OPTIONS: Final = RouteOptions()
_OWN_WAITS: Final = ("response_seconds", "idle_seconds")


class Rules:
    """Policy, rate, body and time of one route; replaced with it."""

    __slots__ = ("_admission", "_options", "rate")

    def __init__(self, route: "Route", doorkeeper: Doorkeeper, before: "Rules | None") -> None:
        """Go on counting where ``before`` counted at the same rate."""
        self._options = options = route.options
        self._admission: Admission | None = None  # None: whoever comes
        if options.policy != PUBLIC:
            self._admission = Admission(route, doorkeeper)
        self.rate: Rate | None = None
        if options.rate:
            self.rate = Rate(options.rate, options.burst)
            if before is not None and before.rate is not None and before.same_rate(options):
                self.rate = before.rate

    def same_rate(self, options: RouteOptions) -> bool:
        """Tell whether these options count as ours do."""
        own = self._options
        return (own.rate, own.burst, own.rate_by) == (options.rate, options.burst, options.rate_by)

    def admit(self, front: "Front") -> None:
        """Let a request in, or raise Refused: nothing of it has gone on yet."""
        self.allow(front)
        options = self._options
        if self.rate is not None:
            self._take(front, self.rate)
        if options.body_bytes:
            self._measure(front, options.body_bytes)
        if options.total_seconds:
            front.router.totals[front] = front.started + options.total_seconds

    def allow(self, front: "Front") -> None:
        """Raise Refused unless the policy says yes; the function is told who calls."""
        if self._admission is not None:
            self._admission.admit(front)

    def still(self, front: "Front") -> bool:
        """Tell whether a request that takes long may go on: its caller's rights may have ended."""
        return self._admission is None or self._admission.still(front)

    def _take(self, front: "Front", rate: Rate) -> None:
        by_route = self._options.rate_by == "route"
        key = "" if by_route else one_of(front.fields.caller or front.peer)
        if wait := rate.take(key, front.started):
            raise Refused(causes.rate_limited(math.ceil(wait)))

    def _measure(self, front: "Front", most: int) -> None:
        length = front.fields.length
        if length > most:
            raise Refused(causes.BODY_TOO_LARGE)
        if length == CHUNKED:
            front.body.restrict(most)


def rules_of(route: "Route", doorkeeper: Doorkeeper, before: Rules | None) -> Rules | None:
    """Return a route's rules, None where each request is let in as it comes."""
    if route.options == NO_OPTIONS:
        return None
    waits = dict.fromkeys(_OWN_WAITS, 0.0)
    if msgspec.structs.replace(route.options, **waits) == NO_OPTIONS:
        return None
    return Rules(route, doorkeeper, before)


def waits_of(options: RouteOptions, settings: RouterSettings) -> RouterSettings:
    """Return settings that wait as long as a route asks for."""
    if options == NO_OPTIONS:
        return settings
    waits = {}
    if options.response_seconds:
        waits["response_timeout"] = options.response_seconds
    if options.idle_seconds:
        waits["stall_timeout"] = waits["tunnel_timeout"] = options.idle_seconds
    return msgspec.structs.replace(settings, **waits) if waits else settings
