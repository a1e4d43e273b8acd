"""Connection to the log: one per process, kept for ever, ended by an error that cannot pass."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import structlog

from bus import instruments, tls, water
from bus.buildlogs import BuildLogs
from bus.deadletters import DeadLetters
from bus.follow import Follow
from bus.jetstream import JetStream, patiently
from bus.lines import Lines
from bus.log import EVENTS, DeliveryLog, EventLog
from bus.moments import Moments
from bus.natspy import Client
from bus.natspy import errors as nats_errors
from bus.private import Copies
from bus.publish import Publisher
from bus.settings import BusSettings
from bus.stores import Stores, opened
from bus.timers import Timers
from bus.usage import UsageLog
from bus.water import HighWater
from bus.wire import Wire
from schemas.errors import AccessDenied, LogNotInitialised, LogUnavailable, PushlineError

__all__ = ["Bus", "BusSettings", "connect", "session"]

log = structlog.get_logger(__name__)

AGAIN: Final = 2.0  # seconds between two attempts to end a block
CONNECT_WITHIN: Final = 10.0  # seconds for the first connection


class Fatal:
    """Ends the block that holds the connection, with the error that made it useless."""

    def __init__(self) -> None:
        """Watch over the current task."""
        self.error: PushlineError | None = None
        self._task = asyncio.current_task()
        self._cancelled = 0
        self._left = False

    def __call__(self, error: PushlineError) -> None:
        """End the block; the first error counts."""
        if self.error is None:
            self.error = error
            log.error("connection_given_up", code=error.code, message=error.message)
            self._cancel()

    def _cancel(self) -> None:
        """Cancel, and again: nats-py swallows a cancellation while it writes."""
        if self._task is None or self._left or self._task.done():
            return
        self._task.cancel()
        self._cancelled += 1
        asyncio.get_running_loop().call_later(AGAIN, self._cancel)

    def leave(self) -> PushlineError | None:
        """Take back our cancellations: the block has ended; return the error, if any."""
        self._left = True
        if self._task is not None:
            for _ in range(self._cancelled):
                self._task.uncancel()
        return self.error


class Bus:
    """All that the log offers to one process."""

    def __init__(self, settings: BusSettings, js: JetStream, wire: Wire, stores: Stores) -> None:
        """Put the parts together; ``connect`` does this."""
        self.settings = settings
        self.js = js
        self.born = ""  # when the log was made, which tells it from another
        self.water = HighWater(settings.home)
        self.blobs, self.objects, bodies = stores
        self.build_logs = BuildLogs(self.objects, settings.log_prefix)
        self.publisher = Publisher(wire)
        self.log = EventLog(js, self.publisher, self.water)
        self.deliveries = DeliveryLog(js, self.publisher, bodies)
        self.follow = Follow(js, wire, self.water)
        self.moments = Moments(js, wire)
        self.lines = Lines(js, wire)
        self.usage = UsageLog(js, wire)
        self.deadletters = DeadLetters(js, wire)
        self.timers = Timers(js, wire)
        self.copies = Copies(js, wire)


@asynccontextmanager
async def connect(settings: BusSettings, *, name: str) -> AsyncIterator[Bus]:
    """Yield the bus; leaves with AccessDenied, LogRewound … when the log becomes useless.

    Raises LogUnavailable when nobody answers within 10 s, LogNotInitialised when there is no
    log. ``name`` is shown in the server's list of connections.
    """
    async with (
        session(settings, name=name) as js,
        Wire(settings, name=name) as wire,
        opened(settings) as stores,
    ):
        bus = Bus(settings, js, wire, stores)
        wire.fatal = js.fatal
        await _compare(bus)
        js.on_restored.append(lambda: _compare_later(bus))
        keeper = asyncio.create_task(bus.water.keep(), name="high-water")
        try:
            yield bus
        finally:
            keeper.cancel()
            await bus.follow.close()
            with suppress(OSError):
                await bus.water.flush()


async def _compare(bus: Bus) -> None:
    """Check the log against its high-water mark; LogRewound where data was lost."""
    # The mark is read before the head is asked for: meanwhile both go on growing.
    known = bus.water.seq
    mark = await asyncio.to_thread(water.read, bus.settings.home)
    info = await patiently(lambda: bus.js.info(EVENTS))
    if info is None:
        raise LogNotInitialised("there is no log here", hint="a missing log may be a broken disk")
    bus.born = str(info["created"])
    head = int(info["state"]["last_seq"])
    water.check(bus.settings.home, head, max(known, mark or 0))
    bus.water.reached(head)
    await bus.water.flush()


async def _compare_later(bus: Bus) -> None:
    try:
        await _compare(bus)
    except LogUnavailable:
        log.warning("high_water_unchecked")
    except PushlineError as error:
        bus.js.fatal(error)


@asynccontextmanager
async def session(settings: BusSettings, *, name: str) -> AsyncIterator[JetStream]:
    """Yield requests to JetStream over a connection that is kept for ever."""
    fatal = Fatal()
    client, js = await _open(settings, name, fatal)
    try:
        yield js
    except BaseException as error:
        if (reason := fatal.leave()) is not None:
            raise reason from error
        raise
    else:
        if (reason := fatal.leave()) is not None:
            raise reason
    finally:
        js.lost()
        await client.close()


class _Private(Client):
    """Says nothing, above all no password, to a server that asks for no TLS; nats-py would."""

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:  # noqa: FBT001, FBT002 - theirs
        if initial_connection and not info.get("tls_required"):
            raise nats_errors.Error("the log asks for no TLS, and we speak nothing else")
        await super()._process_info(info, initial_connection)


async def _open(settings: BusSettings, name: str, fatal: Fatal) -> tuple[Client, JetStream]:
    encrypted = tls.context(settings)
    client = Client() if encrypted is None else _Private()
    js = JetStream(client, settings.inbox, fatal)
    last: list[str] = []

    async def failed(error: Exception) -> None:
        text = str(error).lower()
        if "permissions violation" in text or "authorization" in text:
            refused = AccessDenied(f"user {settings.user or '(none)'}: {error}")
            if not js.epoch:
                raise refused
            fatal(refused)
        else:
            last[:] = [str(error) or type(error).__name__]
            log.info("log_connection_failed", error=last[0])

    async def disconnected() -> None:
        js.lost()

    async def reconnected() -> None:
        instruments.reconnected.inc()
        js.restored()

    try:
        async with asyncio.timeout(CONNECT_WITHIN):
            await client.connect(
                settings.nats_url.split(","),
                name=name,
                user=settings.user or None,
                password=settings.password or None,
                tls=encrypted,
                tls_handshake_first=encrypted is not None and settings.tls_first,
                inbox_prefix=settings.inbox.encode(),
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.25,  # type: ignore[arg-type] # seconds, slept as they are
                ping_interval=10,
                max_outstanding_pings=2,
                error_cb=failed,
                disconnected_cb=disconnected,
                reconnected_cb=reconnected,
            )
            await js.open()
    except (TimeoutError, OSError, nats_errors.Error) as error:
        await client.close()
        why = f": {last[0]}" if last else ""
        raise LogUnavailable(f"no log at {_bare(settings.nats_url)}{why}") from error
    except AccessDenied:
        await client.close()
        raise
    return client, js


def _bare(url: str) -> str:
    """Return the URL without what might be a password."""
    return ",".join(part.rpartition("@")[2] for part in url.split(","))
