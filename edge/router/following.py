"""Following the log: routes are kept at its head, what was counted is sent to it.

While it is away, what is known is served on.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import TYPE_CHECKING, Any, Final

import structlog

from bus.fold import Fold
from edge.auth.revocations import KeptAtOnce
from edge.router.admission import Doorkeeper
from edge.router.settings import RouterSettings
from edge.router.usage import Meter, sending
from schemas.errors import LogUnavailable, PushlineError

if TYPE_CHECKING:
    from bus.connection import Bus

log = structlog.get_logger(__name__)

_FIRST_PAUSE: Final = 0.1  # seconds between attempts to reach the log
_LONGEST_PAUSE: Final = 2.0
_LAST_WORDS: Final = 2.0  # seconds for what was counted, at the end


class Following:
    """One router's connection to the log."""

    def __init__(
        self,
        settings: RouterSettings,
        folds: Sequence[Fold[Any]],
        meter: Meter,
        doorkeeper: Doorkeeper,
    ) -> None:
        """Keep ``folds`` true, and what tells who asks; send what ``meter`` counts."""
        self._settings = settings
        self._folds = (*folds, *doorkeeper.book.folds)
        self._denials = doorkeeper.denials
        self._kept_at_once = KeptAtOnce(doorkeeper.book)
        self._meter = meter
        self._kept = settings.home / "usage"  # what could not be sent
        self._bus: Bus | None = None

    async def run(self) -> None:
        """Follow for ever, over every outage."""
        connect = await asyncio.to_thread(_connector, self._settings)
        await asyncio.to_thread(self._meter.recover, self._kept)
        pause = _FIRST_PAUSE
        while True:
            began = time.monotonic()
            try:
                async with connect() as bus:
                    self._bus = bus
                    await self._follow(bus)
            except* PushlineError as several:
                for error in leaves(several):
                    log.warning("routes_not_followed", code=error.code, message=error.message)
            self._bus = None
            if time.monotonic() - began > _LONGEST_PAUSE:  # it had worked for a while
                pause = _FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _follow(self, bus: "Bus") -> None:
        async with asyncio.TaskGroup() as group:
            for fold in self._folds:
                group.create_task(fold.run(bus.follow), name=fold.name)
            group.create_task(self._denials.run(bus.log), name="denials")
            group.create_task(self._kept_at_once.run(), name="revocations")
            every = self._settings.usage_every
            group.create_task(
                sending(self._meter, bus.usage, self._kept, every=every, clock=time.time),
                name="usage",
            )

    async def end(self) -> None:
        """Send what was counted to the last request, or keep it for the next router."""
        self._meter.close(time.time())
        if self._bus is not None:
            with suppress(LogUnavailable, TimeoutError):
                async with asyncio.timeout(_LAST_WORDS):
                    await self._meter.send(self._bus.usage)
        await asyncio.to_thread(self._meter.keep, self._kept)


def leaves(group: BaseExceptionGroup[PushlineError]) -> list[PushlineError]:
    """Return the errors in a group of groups."""
    found: list[PushlineError] = []
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            found += leaves(error)
        else:
            found.append(error)
    return found


def _connector(settings: RouterSettings) -> Callable[[], "AbstractAsyncContextManager[Bus]"]:
    """Import the bus, in a thread: requests are served meanwhile."""
    from bus.connection import BusSettings, connect

    bus = BusSettings(
        nats_url=settings.nats_url,
        user=settings.nats_user,
        password=settings.nats_password,
        tls=settings.nats_tls,
        tls_first=settings.nats_tls_first,
        home=settings.home,
    )
    return lambda: connect(bus, name="router")
