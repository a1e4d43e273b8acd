"""Webhooks on their way, with weather: lost, late, sent twice.

https://docs.gitlab.com/user/project/integrations/webhooks/
"""

import asyncio
import base64
import hashlib
import hmac
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec

from tests.heavy.forges.gitlab.state import Hook, State

WITHIN = 10  # seconds that GitLab waits for an answer
ONCE_OFF = 4  # failures in a row until a hook rests
FOREVER_OFF = 40
REST = 60.0  # seconds of the first rest; each is twice as long, a day at most
NAMES = {"push": "Push Hook", "tag_push": "Tag Push Hook", "merge_request": "Merge Request Hook"}


@dataclass
class Weather:
    """Shares of the webhooks, 0 to 1, by the seed; ``late`` ones come up to so much later."""

    lost: float = 0.0
    twice: float = 0.0
    late: float = 0.0
    seconds: float = 0.3


@dataclass
class Sent:
    """One attempt to tell a hook something."""

    id: int
    hook: Hook
    event: str  # X-Gitlab-Event
    headers: dict[str, str]
    body: bytes
    status: int | None = None  # None: nothing came back
    at: float = 0.0


@dataclass
class Sender:
    """Sends in the server's loop; may be told to by any thread."""

    state: State
    loop: asyncio.AbstractEventLoop
    weather: Weather = field(default_factory=Weather)
    auto_disable: bool = True
    sent: list[Sent] = field(default_factory=list)
    session: aiohttp.ClientSession | None = None
    _open: int = 0
    _quiet: threading.Event = field(default_factory=threading.Event)
    _order: dict[int, asyncio.Lock] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin with nothing on its way."""
        self._quiet.set()

    def tell(self, event: str, body: dict[str, Any], *, project: int, path: str) -> None:
        """Tell every hook that listens; what befalls each is the seed's to say."""
        for hook in list(self.state.hooks.values()):
            if self._listens(hook, event, project, path):
                self._tell(hook, event, body)

    def settled(self, within: float = 30) -> None:
        """Wait until nothing is on its way."""
        assert self._quiet.wait(within), f"{self._open} webhooks are still on their way"

    def again(self, sent: Sent) -> None:
        """Send one again, as somebody who presses Resend does."""
        self._go(sent.hook, sent.event, sent.headers, sent.body, 0.0)

    async def now(self, sent: Sent) -> Sent:
        """Send one again and return what came of it."""
        return await self._attempt(sent.hook, sent.event, sent.headers, sent.body)

    def state_of(self, hook: Hook) -> str:
        """Return its ``alert_status``."""
        if hook.project is None and hook.group is None:
            return "executable"  # of the whole instance none is disabled
        if hook.failures >= FOREVER_OFF:
            return "disabled"
        resting = hook.disabled_until > self.state.clock()
        return "temporarily_disabled" if resting else "executable"

    def _listens(self, hook: Hook, event: str, project: int, path: str) -> bool:
        if self.auto_disable and self.state_of(hook) != "executable":
            return False
        if hook.project is not None:
            return event in hook.events and hook.project == project
        if hook.group is not None:
            return event in hook.events and path.startswith(f"{hook.group}/")
        return event not in NAMES or event in hook.events

    def _tell(self, hook: Hook, event: str, body: dict[str, Any]) -> None:
        system = hook.project is None and hook.group is None
        if not system:
            body = {name: value for name, value in body.items() if name != "owners"}
        elif "commits" in body:
            body = body | {"commits": []}  # system hooks never tell of them
        name = "System Hook" if system else NAMES.get(event, "Project Hook")
        data = msgspec.json.encode(body)
        headers = self._headers(hook, name, data)
        random = self.state.random
        lost, twice, late = (random.random() for _ in range(3))
        delay = random.random() * self.weather.seconds if late < self.weather.late else 0.0
        if lost < self.weather.lost:
            return
        self._go(hook, name, headers, data, delay)
        if twice < self.weather.twice:
            self._go(hook, name, headers, data, delay + random.random() * self.weather.seconds)

    def _headers(self, hook: Hook, name: str, data: bytes) -> dict[str, str]:
        key = str(uuid.UUID(int=self.state.random.getrandbits(128), version=4))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"GitLab/{self.state.version}",
            "X-Gitlab-Instance": self.state.url,
            "X-Gitlab-Webhook-UUID": str(uuid.uuid5(uuid.NAMESPACE_URL, f"hook:{hook.id}")),
            "X-Gitlab-Event": name,
            "X-Gitlab-Event-UUID": str(uuid.uuid5(uuid.NAMESPACE_URL, key)),
            "Idempotency-Key": key,
        }
        if hook.token:
            headers["X-Gitlab-Token"] = hook.token
        if hook.signing:
            stamp = str(int(self.state.clock()))
            secret = base64.b64decode(hook.signing.removeprefix("whsec_"))
            text = b".".join((key.encode(), stamp.encode(), data))
            made = base64.b64encode(hmac.digest(secret, text, hashlib.sha256)).decode()
            headers |= {"webhook-id": key, "webhook-timestamp": stamp}
            headers["webhook-signature"] = f"v1,{made}"
        return headers

    def _go(
        self, hook: Hook, event: str, headers: dict[str, str], body: bytes, delay: float
    ) -> None:
        self._open += 1
        self._quiet.clear()
        asyncio.run_coroutine_threadsafe(self._one(hook, event, headers, body, delay), self.loop)

    async def _one(
        self, hook: Hook, event: str, headers: dict[str, str], body: bytes, delay: float
    ) -> None:
        try:
            if delay:
                await asyncio.sleep(delay)
            async with self._order.setdefault(hook.id, asyncio.Lock()):
                await self._attempt(hook, event, headers, body)
        finally:
            self._open -= 1
            if not self._open:
                self._quiet.set()

    async def _attempt(self, hook: Hook, event: str, headers: dict[str, str], body: bytes) -> Sent:
        sent = Sent(self.state.next(), hook, event, headers, body, at=self.state.clock())
        self.sent.append(sent)
        if self.session is None:
            self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WITHIN))
        try:
            async with self.session.post(hook.url, data=body, headers=headers) as response:
                sent.status = response.status
        except (aiohttp.ClientError, OSError, TimeoutError):
            sent.status = None
        self._counted(hook, failed=sent.status is None or sent.status >= 300)
        return sent

    def _counted(self, hook: Hook, *, failed: bool) -> None:
        hook.failures = hook.failures + 1 if failed else 0
        if not failed:
            hook.disabled_until = 0.0
        elif hook.failures >= ONCE_OFF:
            rest = min(REST * 2 ** (hook.failures - ONCE_OFF), 86_400.0)
            hook.disabled_until = self.state.clock() + rest
