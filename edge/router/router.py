"""The router: what its connections share, and what happens to all of them as time passes."""

import asyncio
import resource
import time
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, Final

from edge.router import causes
from edge.router.access import AccessLog, Entry
from edge.router.admission import Doorkeeper
from edge.router.causes import Cause
from edge.router.counters import Counters
from edge.router.expiry import expire
from edge.router.fields import Known
from edge.router.forwarding import Trusted
from edge.router.front import Front
from edge.router.limits import Connections
from edge.router.naming import Names
from edge.router.ours import Ours, Set
from edge.router.phases import HEAD
from edge.router.request import NO_LINE, FieldParser, Line, parse_line
from edge.router.response import Responses
from edge.router.settings import RouterSettings
from edge.router.table import Table
from edge.router.upstream import Upstream, Upstreams
from edge.router.usage import Meter

_SLOWEST_SWEEP: Final = 0.25  # seconds
_LAST_CALL: Final = 0.5  # seconds that a connection without a request is kept while draining
_LONG: Final = 0.5  # seconds after which a request is looked at again, at each sweep
_OTHER_FILES: Final = 64  # descriptors that are not connections


class Router:
    """Everything that is shared; belongs to one loop."""

    def __init__(self, settings: RouterSettings, access: AccessLog) -> None:
        """Begin with the platform's route alone."""
        self.settings = settings
        self.access = access
        self.counters = Counters()
        self.loop = asyncio.get_running_loop()
        self.time = self.loop.time
        self.now = self.time()  # coarse: as of the last sweep
        self._epoch = time.time() - self.now
        self.draining = False
        self.fronts: set[Front] = set()
        self.upstreams = Upstreams(settings.run)
        self.meter = Meter()
        self.doorkeeper = Doorkeeper(settings.auth, settings.home / "snapshots")
        self.table = Table(self.upstreams, settings, self.meter, self.doorkeeper)
        self.totals: dict[Front, float] = {}  # when a request has to have ended, where one has to
        self.lines: Known[Line] = Known()
        self._of_platform = Responses()
        self._of_functions = Responses(Set())
        self.trusted = Trusted(settings.trusted_proxies)
        ours = Ours(settings.auth)
        self.plain = FieldParser(settings.forwarded_proto, ours=ours)
        self.believing = FieldParser(settings.forwarded_proto, self.trusted, ours)
        self.names = Names()
        per_client = settings.connections_per_client
        self._per_client = Connections(per_client) if per_client else None
        self._limit = _connection_limit(settings.max_connections)
        self._tasks: set[asyncio.Task[None]] = set()

    def front(self) -> Front:
        """Return the protocol of a new connection."""
        return Front(self)

    def opened(self, front: Front) -> Cause | None:
        """Count a connection in; return why it may not stay."""
        self.fronts.add(front)
        counted = self._per_client if front.peer not in self.trusted else None
        if counted is not None and not counted.opened(front.peer):
            self.counters.turned_away += 1
            return causes.TOO_MANY_CONNECTIONS
        if len(self.fronts) > self._limit:
            self.counters.turned_away += 1
            return causes.OVERLOADED
        self.counters.accepted += 1
        return None

    def closed(self, front: Front) -> None:
        """Count a connection out."""
        if self._per_client is not None and front.peer not in self.trusted:
            self._per_client.closed(front.peer)
        self.fronts.discard(front)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run ``work`` beside the data path."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def learn_line(self, raw: bytes) -> Line:
        """Parse a request line and keep what it says; raises Refused."""
        line = parse_line(raw)
        self.lines.keep(raw, line)
        return line

    def responses_of(self, upstream: Upstream) -> Responses:
        """Return what is known of the heads that an upstream answers with."""
        own = upstream is self.table.platform
        return self._of_platform if own else self._of_functions

    def ended(self, front: Front) -> None:
        """Count and log a request, also one that was never understood."""
        counters = self.counters
        status = front.status
        counters.requests += 1
        counters.statuses[status // 100] += 1
        counters.bytes_out += front.written
        target = front.target
        if target is not None and target.tally is not None:
            target.tally.add(status, self.time() - front.started)
            if target.replicas is not None and front.began and front.cause is None:
                target.upstream.health.answered()
        if self.totals:
            self.totals.pop(front, None)
        cause = front.cause
        if cause is not None:
            counters.causes[cause.name] += 1
        if self.access.wants(status):
            self._log(front, status, cause.name if cause is not None else "")

    def _log(self, front: Front, status: int, cause: str) -> None:
        line, now, target = front.line, self.time(), front.target
        self.access.add(
            Entry(
                datetime.fromtimestamp(now + self._epoch, UTC),
                status,
                round((now - front.started) * 1000, 3) if line is not NO_LINE else 0.0,
                front.written,
                front.fields.caller or front.peer,
                line.method,
                front.fields.name,
                line.shown,
                self._call_id(front),
                target.name if target is not None else "",
                target.revision if target is not None else "",
                cause,
            )
        )

    def _call_id(self, front: Front) -> str:
        given = front.fields.call_id
        if not given and front.number:
            given = self.names.id(front.number)
        return given.decode()

    async def sweep(self) -> None:
        """See to deadlines, idle connections and the access log, for ever."""
        settings = self.settings
        step = min(_SLOWEST_SWEEP, _shortest(settings) / 4)
        while True:
            self.now = now = self.time()
            self._epoch = time.time() - now
            for front in [front for front in self.fronts if front.deadline <= now]:
                expire(front)
            for front in [front for front, until in self.totals.items() if until <= now]:
                front.fail(causes.TOTAL_TIMEOUT)
            for front in [front for front in self.fronts if _outlived(front, now)]:
                front.fail(causes.SIGN_IN)
            self.upstreams.close_idle(before=now - settings.upstream_idle)
            self.access.flush()
            self.meter.collect(now + self._epoch)
            await asyncio.sleep(step)

    async def drain(self) -> None:
        """Let every request end; close what is idle, and at the end what is left.

        A connection without a request is not closed at once: one may be on its way.
        """
        self.draining = True
        soon = self.time() + _LAST_CALL
        for front in self.fronts:
            front.close_after = True
            if front.state == HEAD and not front.buffer:
                front.deadline = min(front.deadline, soon)
        until = self.time() + self.settings.drain_timeout
        while self.fronts and self.time() < until:  # noqa: ASYNC110 - a set has no event
            await asyncio.sleep(0.01)
        for front in list(self.fronts):
            front.transport.abort()


def _outlived(front: Front, now: float) -> bool:
    """Tell whether a long request, as a WebSocket, goes on after its caller's rights have ended."""
    target = front.target
    if target is None or target.rules is None or now - front.started < _LONG:
        return False
    return not target.rules.still(front)


def _shortest(settings: RouterSettings) -> float:
    return min(
        settings.header_timeout,
        settings.keep_alive,
        settings.response_timeout,
        settings.stall_timeout,
        settings.upstream_idle,
        settings.linger,
    )


def _connection_limit(wanted: int) -> int:
    """Return how many callers there are descriptors for, each with its upstream."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard == resource.RLIM_INFINITY:
        return wanted
    return min(wanted, (hard - _OTHER_FILES) // 2)
