"""The App's webhook, with weather: lost, late, sent twice. GitHub itself sends nothing again.

https://docs.github.com/webhooks/webhook-events-and-payloads#delivery-headers
"""

import asyncio
import hashlib
import hmac
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec

from tests.heavy.forges.github.state import State

WITHIN = 10  # seconds that GitHub waits for an answer


@dataclass
class Weather:
    """Shares of the webhooks, 0 to 1, by the seed; ``late`` ones come up to so much later."""

    lost: float = 0.0  # which GitHub knows of: nobody answered
    twice: float = 0.0
    late: float = 0.0
    seconds: float = 0.3


@dataclass
class Sent:
    """One attempt to tell the App something; ``guid`` stays when it is sent again."""

    id: int
    guid: str
    event: str
    action: str | None
    installation: int | None
    repository: int | None
    headers: dict[str, str]
    body: bytes
    at: float
    status: int = 0  # 0: nobody answered
    redelivery: bool = False


@dataclass
class Sender:
    """Sends in the server's loop; may be told to by any thread."""

    state: State
    loop: asyncio.AbstractEventLoop
    url: str = ""  # of the webhook; "" none is set up
    secret: str = ""
    weather: Weather = field(default_factory=Weather)
    sent: list[Sent] = field(default_factory=list)
    session: aiohttp.ClientSession | None = None
    _open: int = 0
    _quiet: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        """Begin with nothing on its way."""
        self._quiet.set()

    def tell(
        self,
        event: str,
        body: dict[str, Any],
        *,
        installation: int | None = None,
        repository: int | None = None,
    ) -> None:
        """Tell the webhook; what befalls it is the seed's to say."""
        if not self.url:
            return
        if installation is not None and "installation" not in body:
            body = body | {"installation": {"id": installation}}
        data, random = msgspec.json.encode(body), self.state.random
        guid = str(uuid.UUID(int=random.getrandbits(128), version=4))
        sent = Sent(
            self._number(),
            guid,
            event,
            body.get("action"),
            installation,
            repository,
            self._headers(event, guid, data),
            data,
            self.state.clock(),
        )
        lost, twice, late = (random.random() for _ in range(3))
        delay = random.random() * self.weather.seconds if late < self.weather.late else 0.0
        if lost < self.weather.lost:
            self.sent.append(sent)
            return
        self._go(sent, delay)
        if twice < self.weather.twice:
            self.again(sent, delay + random.random() * self.weather.seconds)

    def again(self, sent: Sent, delay: float = 0.0) -> Sent:
        """Send one again under its guid, as somebody who presses Redeliver does."""
        copy = Sent(
            self._number(),
            sent.guid,
            sent.event,
            sent.action,
            sent.installation,
            sent.repository,
            sent.headers,
            sent.body,
            self.state.clock(),
            redelivery=True,
        )
        self._go(copy, delay)
        return copy

    def settled(self, within: float = 30) -> None:
        """Wait until nothing is on its way."""
        assert self._quiet.wait(within), f"{self._open} webhooks are still on their way"

    def _number(self) -> int:
        return 10_000_000_000 + self.state.next()

    def _headers(self, event: str, guid: str, data: bytes) -> dict[str, str]:
        signed = hmac.digest(self.secret.encode(), data, hashlib.sha256).hex()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/044aadd",
            "X-GitHub-Hook-ID": "292430182",
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": guid,
            "X-GitHub-Hook-Installation-Target-Type": "integration",
            "X-GitHub-Hook-Installation-Target-ID": str(self.state.app_id),
        }
        return headers | ({"X-Hub-Signature-256": f"sha256={signed}"} if self.secret else {})

    def _go(self, sent: Sent, delay: float) -> None:
        self._open += 1
        self._quiet.clear()
        asyncio.run_coroutine_threadsafe(self._one(sent, delay), self.loop)

    async def _one(self, sent: Sent, delay: float) -> None:
        try:
            if delay:
                await asyncio.sleep(delay)
            self.sent.append(sent)
            if self.session is None:
                self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WITHIN))
            async with self.session.post(self.url, data=sent.body, headers=sent.headers) as answer:
                sent.status = answer.status
        except (aiohttp.ClientError, OSError, TimeoutError):
            sent.status = 0
        finally:
            self._open -= 1
            if not self._open:
                self._quiet.set()
