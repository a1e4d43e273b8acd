"""GitHub's webhooks: HMAC-SHA256 over the raw body."""

import hmac
from dataclasses import dataclass, field
from typing import ClassVar

from bus.log import DeliveryLog
from edge.ingest.application import Ingest, wanted
from edge.ingest.gate import Gate
from edge.ingest.receiving import Headers


@dataclass(frozen=True, slots=True)
class GitHub:
    """GitHub signs the body with HMAC-SHA256; GitHub Enterprise once did with SHA-1."""

    secret: bytes = field(repr=False)
    sha1: bool = False  # take X-Hub-Signature where there is no X-Hub-Signature-256
    name: ClassVar[str] = "github"
    setting: ClassVar[str] = "PUSHLINE_GITHUB_WEBHOOK_SECRET"

    def ready(self) -> bool:
        """Tell whether there is a secret."""
        return bool(self.secret)

    def signed(self, headers: Headers) -> bool:
        """Tell whether there is a signature that we would take."""
        return b"x-hub-signature-256" in headers or (self.sha1 and b"x-hub-signature" in headers)

    def verified(self, headers: Headers, body: bytes) -> bool:
        """Tell whether the signature is the secret's over the raw bytes."""
        return github_signed(headers, body, self.secret, sha1=self.sha1)

    def delivery(self, headers: Headers, _: bytes) -> str:
        """Return ``X-GitHub-Delivery``; it is not covered by the signature."""
        wanted(headers, b"x-github-event")
        return wanted(headers, b"x-github-delivery")


class GitHubIngest(Ingest):
    """ASGI application of ``/github-event``; without a secret it refuses everything."""

    def __init__(
        self, deliveries: DeliveryLog, *, secret: str, sha1: bool = False, gate: Gate | None = None
    ) -> None:
        """Store in ``deliveries`` what ``secret`` verifies; ``gate`` is shared by all forges."""
        super().__init__(deliveries, GitHub(secret.encode(), sha1), gate or Gate())


def github_signed(headers: Headers, body: bytes, secret: bytes, *, sha1: bool = False) -> bool:
    """Tell whether ``X-Hub-Signature-256`` is the secret's over ``body``.

    ``sha1``: take ``X-Hub-Signature`` where the other is absent; it never outweighs it.
    """
    given, method = headers.get(b"x-hub-signature-256"), "sha256"
    if given is None and sha1:
        given, method = headers.get(b"x-hub-signature"), "sha1"
    if given is None or not secret:
        return False
    expected = f"{method}={hmac.digest(secret, body, method).hex()}"
    return hmac.compare_digest(given, expected.encode())
