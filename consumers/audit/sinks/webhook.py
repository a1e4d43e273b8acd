"""HTTP: a JSON array of records, POSTed and signed.

``X-Pushline-Signature-256`` is ``sha256=`` and the HMAC-SHA256 of the body, as forges sign
theirs. ``Idempotency-Key`` is the hash of the last record: the same records have the same one.
"""

import hmac
from collections.abc import Sequence
from typing import Final

from consumers.audit.record import Line
from consumers.audit.sinks.posting import post
from consumers.audit.sinks.settings import Http

SIGNATURE: Final = "X-Pushline-Signature-256"


class HttpSink:
    """POSTs to a URL."""

    linger = 0.0
    most = 4 * 1024**2  # bytes

    def __init__(self, settings: Http) -> None:
        """POST where the settings say."""
        self._settings = settings

    def window(self, after: int) -> tuple[int, int]:
        """Return as many as one request may carry."""
        return after, after + self._settings.most

    async def take(self, records: Sequence[Line]) -> None:
        """Send; NotTaken, TooMuch."""
        body = b"[" + b",\n".join(line.text for line in records) + b"]"
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": records[-1].hash,
            SIGNATURE: signature(self._settings.secret, body),
        }
        await post(self._settings.url, body, headers, timeout=self._settings.timeout)


def signature(secret: str, body: bytes) -> str:
    """Return what proves that we sent a body."""
    return "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()
