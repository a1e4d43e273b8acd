"""Functions called through a router, as anybody calls them: POST with an empty body.

A connect that is refused is tried again for a while: nothing was sent. Whatever comes after that
is never sent twice.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import msgspec
import structlog

from consumers.timer.wanted import Target
from schemas.events.timer import TimerDelivered
from schemas.route import PUBLIC

AGAIN: Final = 1.0  # seconds between two attempts to connect
AGENT: Final = "pushline-timer"

log = structlog.get_logger(__name__)


class RouterSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where functions are met."""

    url: Callable[[str, str, str], str]  # of a label, an environment and a function
    address: str = ""  # HOST:PORT of a router, in place of what the URL says
    token: str = ""  # for functions that are not public
    connect: float = 120.0  # seconds of attempts to connect
    response: float = 540.0  # seconds for the answer, below what a call may take in all

    def __repr__(self) -> str:
        """Return where, without the token."""
        return f"RouterSettings(address={self.address!r})"


class Router:
    """The port ``Functions``."""

    def __init__(self, settings: RouterSettings) -> None:
        """Call by these settings; nothing is sent yet."""
        self._settings = settings

    async def call(self, target: Target, *, call: str, due: datetime) -> TimerDelivered:
        """Return what came of it."""
        begin = time.monotonic()
        try:
            async with asyncio.timeout(self._settings.response):
                status = await self._patiently(target, call, due)
        except aiohttp.ClientConnectorError as error:
            outcome = TimerDelivered(due, "unreachable", message=type(error.os_error).__name__)
        except (aiohttp.ClientError, TimeoutError) as error:
            outcome = TimerDelivered(due, "unknown", message=type(error).__name__)
        else:
            outcome = TimerDelivered(due, "answered", status)
        took = round((time.monotonic() - begin) * 1000)
        return msgspec.structs.replace(outcome, took_ms=took)

    async def _patiently(self, target: Target, call: str, due: datetime) -> int:
        last = time.monotonic() + self._settings.connect
        while True:
            try:
                return await self._send(target, call, due)
            except aiohttp.ClientConnectorError as error:
                if time.monotonic() + AGAIN > last:
                    raise
                log.info("router_away", why=type(error.os_error).__name__)
            await asyncio.sleep(AGAIN)

    async def _send(self, target: Target, call: str, due: datetime) -> int:
        settings = self._settings
        at = urlsplit(settings.url(target.label, target.environment, target.function))
        url = f"http://{settings.address}{at.path}" if settings.address else at.geturl()
        headers = {
            "Host": at.netloc,
            "User-Agent": AGENT,
            "X-Call-Id": call,
            "X-Topic": "cron-function",
            "X-Due": due.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        }
        if target.policy != PUBLIC and settings.token:
            headers["Authorization"] = f"Bearer {settings.token}"
        timeout = aiohttp.ClientTimeout(total=None)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, data=b"", headers=headers, allow_redirects=False) as answer,
        ):
            async for _ in answer.content.iter_chunked(65536):
                pass
            return answer.status
