"""GitLab's webhooks: a token that is sent along, or a signature (Standard Webhooks)."""

import base64
import hashlib
import hmac
import time
from dataclasses import dataclass, field
from typing import ClassVar, Final

from bus.log import DeliveryLog
from edge.ingest.application import Ingest, wanted
from edge.ingest.gate import Gate
from edge.ingest.receiving import Headers

SKEW: Final = 300  # seconds that a signed timestamp may differ from our clock
PREFIX: Final = "whsec_"
LONGEST_STAMP: Final = 12  # digits of a time in seconds


@dataclass(frozen=True, slots=True)
class GitLab:
    """GitLab sends a token along; newer ones sign as standardwebhooks.com says."""

    token: bytes = field(default=b"", repr=False)
    signing: str = field(default="", repr=False)  # whsec_…
    name: ClassVar[str] = "gitlab"
    setting: ClassVar[str] = "PUSHLINE_GITLAB_WEBHOOK_TOKEN"

    def ready(self) -> bool:
        """Tell whether there is a token of either kind."""
        return bool(self.token or signing_key(self.signing))

    def signed(self, headers: Headers) -> bool:
        """Tell whether there is a token or a signature."""
        return b"x-gitlab-token" in headers or b"webhook-signature" in headers

    def verified(self, headers: Headers, body: bytes) -> bool:
        """Tell whether the token is ours, or the signature is over these very bytes."""
        if self.signing and b"webhook-signature" in headers:
            return gitlab_signed(headers, body, self.signing)
        return bool(self.token) and hmac.compare_digest(
            headers.get(b"x-gitlab-token", b""), self.token
        )

    def delivery(self, headers: Headers, body: bytes) -> str:
        """Return what tells this delivery from others.

        ``Idempotency-Key`` stays the same when GitLab tries again. ``X-Gitlab-Event-UUID`` is
        shared by hooks that set off one another, and older ones send nothing: the body's digest
        tells those apart, and finds a resend of the same.
        """
        wanted(headers, b"x-gitlab-event")
        for header in (b"webhook-id", b"idempotency-key"):
            if header in headers:
                return wanted(headers, header)
        digest = hashlib.sha256(body).hexdigest()[:32]
        if b"x-gitlab-event-uuid" in headers:
            return f"{wanted(headers, b'x-gitlab-event-uuid')}:{digest}"
        return f"body:{digest}"


class GitLabIngest(Ingest):
    """ASGI application of ``/gitlab-event``; without a token it refuses everything."""

    def __init__(
        self,
        deliveries: DeliveryLog,
        *,
        token: str = "",
        signing: str = "",
        gate: Gate | None = None,
    ) -> None:
        """Store in ``deliveries`` what either token verifies; ``gate`` is shared by all forges."""
        super().__init__(deliveries, GitLab(token.encode(), signing), gate or Gate())


def gitlab_signed(headers: Headers, body: bytes, token: str, now: float | None = None) -> bool:
    """Tell whether ``webhook-signature`` is the token's over id, timestamp and body.

    As the Standard Webhooks specification has it: several signatures may stand there, one must
    fit, and the timestamp is no more than five minutes from ours.
    """
    id, stamp = headers.get(b"webhook-id", b""), headers.get(b"webhook-timestamp", b"")
    key = signing_key(token)
    if not id or not key or not stamp.isdigit() or len(stamp) > LONGEST_STAMP:
        return False
    if abs((time.time() if now is None else now) - int(stamp)) > SKEW:
        return False
    signed = hmac.digest(key, b".".join((id, stamp, body)), "sha256")
    expected = b"v1," + base64.b64encode(signed)
    given = headers.get(b"webhook-signature", b"").split(b" ")
    return any(hmac.compare_digest(one, expected) for one in given)


def signing_key(token: str) -> bytes:
    """Return the key in ``whsec_<base64>``, nothing for another shape."""
    try:
        return base64.b64decode(token.removeprefix(PREFIX), validate=True)
    except ValueError:
        return b""
