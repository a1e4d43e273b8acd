"""A strict receiver on loopback: it takes what a real one takes, and says no in its ways."""

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

SECRET = "a-secret-of-more-than-16"


@dataclass
class Receiver:
    """What came, and how the next requests are answered."""

    url: str = ""
    answers: list[web.Response] = field(default_factory=list)  # the next ones; then 200
    refused: list[str] = field(default_factory=list)
    taken: list[Any] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    @property
    def seqs(self) -> list[int]:
        """Return the sequences of all records that were taken."""
        return [record["seq"] for batch in self.taken for record in batch]

    async def http(self, request: web.Request) -> web.Response:
        """Take an array of records whose signature is right."""
        body = await request.read()
        expected = "sha256=" + hmac.digest(SECRET.encode(), body, "sha256").hex()
        if request.content_type != "application/json":
            return self._no(415, "type")
        if not hmac.compare_digest(request.headers.get("X-Pushline-Signature-256", ""), expected):
            return self._no(401, "signature")
        if self.answers:
            return self.answers.pop(0)
        records = msgspec.json.decode(body, type=list[dict[str, Any]])
        if request.headers["Idempotency-Key"] != records[-1]["hash"]:
            return self._no(400, "key")
        self.taken.append(records)
        self.keys.append(request.headers["Idempotency-Key"])
        return web.Response(status=202)

    async def slack(self, request: web.Request) -> web.Response:
        """Do as Slack's incoming webhooks do: JSON with a text, ``ok`` in plain text."""
        if request.content_type != "application/json":
            return self._no(400, "invalid_payload")
        if self.answers:
            return self.answers.pop(0)
        message = msgspec.json.decode(await request.read(), type=dict[str, str])
        if not message.get("text") or len(message["text"]) > 40_000:
            return self._no(400, "no_text")
        self.taken.append(message["text"])
        return web.Response(text="ok")

    def _no(self, status: int, why: str) -> web.Response:
        self.refused.append(why)
        return web.Response(status=status, text=why)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Yield a receiver that listens."""
    receiver = Receiver()
    application = web.Application(client_max_size=8 * 1024**2)
    application.router.add_post("/http", receiver.http)
    application.router.add_post("/services/T0/B0/secret-path", receiver.slack)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        await runner.cleanup()
