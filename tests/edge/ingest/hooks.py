"""Deliveries as the forges make them, and how they are sent."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx

from bus.connection import Bus
from bus.log import DELIVERIES
from edge.ingest import Ingest

SECRET = "a secret"
BODY = b'{"zen": "Design for failure."}'
KEY = b"0123456789abcdef0123456789abcdef"
SIGNING = "whsec_" + base64.b64encode(KEY).decode()


def signed(body: bytes = BODY, /, **more: str) -> dict[str, str]:
    """Return the headers of a delivery as GitHub makes them."""
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {
        "content-type": "application/json",
        "x-github-event": "ping",
        "x-github-delivery": "d-1",
        "x-hub-signature-256": f"sha256={digest}",
        **{name.replace("_", "-"): value for name, value in more.items()},
    }


def from_gitlab(**more: str) -> dict[str, str]:
    """Return the headers of a delivery as GitLab makes them."""
    return {
        "content-type": "application/json",
        "x-gitlab-event": "Push Hook",
        "x-gitlab-token": SECRET,
        **{name.replace("_", "-"): value for name, value in more.items()},
    }


async def post(
    application: Ingest,
    headers: Mapping[str, str],
    body: bytes | AsyncIterator[bytes] = BODY,
    method: str = "POST",
    url: str = "/",
) -> httpx.Response:
    """Send one request."""
    transport = httpx.ASGITransport(application, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.request(method, url, content=body, headers=dict(headers))


async def stored(bus: Bus) -> int:
    """Return how many deliveries there are."""
    info = await bus.js.info(DELIVERIES)
    assert info is not None
    return int(info["state"]["messages"])


async def raw(
    application: Ingest, receive: Any, headers: Mapping[str, str], method: str = "POST"
) -> int:
    """Call the application with a ``receive`` of our own; return the status, 0 for none."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "headers": pairs, "query_string": b""}
    await application(scope, receive, send)
    return sent[0]["status"] if sent else 0
