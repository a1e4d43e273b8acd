"""Ingest: verify, append the raw bytes, answer 202. Nothing is parsed.

One bare ASGI application a forge; a framework would halve its rate. The order of the checks is
the defence: nothing is read for a request without a signature, nothing is looked into before the
signature over the raw bytes holds, nothing that is not verified is stored, and 202 is said only
after the log has acknowledged.

- 400 no delivery id, no event, or a content type that the forge does not send
- 401 not verified; also when no secret is set: the log line names the setting
- 405 not POST · 408 the body did not come in time · 413 over 25 MB
- 503 with Retry-After: the log is away or full, the store of blobs is away and the body is
  large, or too much is being received at once
"""

import secrets
from typing import ClassVar, Final, Protocol
from urllib.parse import parse_qs

import msgspec
import structlog

from bus.log import DeliveryLog
from edge.ingest import instruments
from edge.ingest.gate import Gate, Refusal, Share
from edge.ingest.receiving import Headers, Message, Receive, Send, announced, received
from schemas.errors import BlobsUnavailable, LogFull, LogUnavailable

log = structlog.get_logger(__name__)

LIMIT: Final = 25 * 1024 * 1024  # bytes; GitHub sends no more
TIME: Final = 20.0  # seconds for a body to come; GitHub itself waits 10 for our answer
LATER: Final = 10  # seconds, Retry-After
LONGEST_ID: Final = 200  # characters of a delivery id; theirs have 36
INSTALLED: Final = b"Installation completed, please return to the installation guide."
TYPES: Final = (b"application/json", b"application/x-www-form-urlencoded")
KEPT: Final = (
    b"content-type",
    b"user-agent",
    b"x-github-event",
    b"x-github-delivery",
    b"x-github-hook-installation-target-id",
    b"x-github-hook-installation-target-type",
    b"x-gitlab-event",
    b"x-gitlab-event-uuid",
    b"x-gitlab-instance",
    b"idempotency-key",
    b"webhook-id",
)


class Forge(Protocol):
    """How one forge's deliveries are told from anybody's."""

    name: ClassVar[str]
    setting: ClassVar[str]  # what an operator has to set

    def ready(self) -> bool:
        """Tell whether there is a secret to verify with."""
        ...

    def signed(self, headers: Headers) -> bool:
        """Tell whether the request says that it is signed: else its body is not even read."""
        ...

    def verified(self, headers: Headers, body: bytes) -> bool:
        """Tell whether the forge sent these very bytes."""
        ...

    def delivery(self, headers: Headers, body: bytes) -> str:
        """Return the delivery's id; 400 when it has none, or no event."""
        ...


def wanted(headers: Headers, name: bytes) -> str:
    """Return a header's value; 400 unless it is there, short and printable."""
    value = headers.get(name, b"").decode("latin-1").strip()
    if not value or len(value) > LONGEST_ID or not value.isascii() or not value.isprintable():
        raise Refusal(400, f"the header {name.decode()} is missing, or no word")
    return value


class Ingest:
    """ASGI application of one forge's webhooks."""

    limit = LIMIT
    time = TIME

    def __init__(self, deliveries: DeliveryLog, forge: Forge, gate: Gate) -> None:
        """Store in ``deliveries`` what ``forge`` verifies."""
        self.deliveries = deliveries
        self.forge = forge
        self.gate = gate
        self.stored = instruments.stored.labels(forge.name)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer 202 stored, else a refusal: not stored, as far as we know."""
        headers = dict(scope["headers"])
        if (text := installed(scope)) is not None:
            await answer(send, 200, text, b"text/plain; charset=utf-8")
            return
        try:
            with self.gate.entered() as share:
                self.admit(scope["method"], headers)
                body = await self.body(receive, share)
                if body is None:
                    return
                seq, id = await self.store(headers, body)
        except Refusal as refusal:
            log.info("delivery_refused", forge=self.forge.name, status=refusal.status)
            await answer(send, refusal.status, msgspec.json.encode({"error": refusal.text}))
        else:
            await answer(send, 202, msgspec.json.encode({"delivery": id, "sequence": seq}))

    def admit(self, method: str, headers: Headers) -> None:
        """Refuse what its head alone rules out; nothing of the body is read yet."""
        if method != "POST":
            raise Refusal(405, "deliveries are POSTed")
        announced(headers, self.limit)
        if not self.forge.ready():
            log.warning("webhook_secret_unset", forge=self.forge.name, setting=self.forge.setting)
            raise Refusal(401, "no webhook secret is set here")
        if not self.forge.signed(headers):
            raise Refusal(401, "not signed")

    async def body(self, receive: Receive, share: Share) -> bytes | None:
        """Return the raw body, None when the sender has gone; counted while it comes."""
        return await received(receive, share, limit=self.limit, within=self.time)

    async def store(self, headers: Headers, body: bytes) -> tuple[int, str]:
        """Verify, then append; return the sequence and the delivery's id."""
        if not self.forge.verified(headers, body):
            raise Refusal(401, "the signature or token does not fit")
        if not headers.get(b"content-type", b"").lower().startswith(TYPES):
            raise Refusal(400, "the content type is neither JSON nor a form")
        id = self.forge.delivery(headers, body)
        kept = {name.decode(): headers[name].decode("latin-1") for name in KEPT if name in headers}
        random = secrets.token_hex(24)
        kept["traceparent"] = f"00-{random[:32]}-{random[32:]}-01"
        try:
            seq = await self.deliveries.store(self.forge.name, id, kept, body)
        except (BlobsUnavailable, LogFull, LogUnavailable) as error:
            log.warning("delivery_not_stored", forge=self.forge.name, delivery=id, code=error.code)
            raise Refusal(503, "the log takes nothing now; try again") from error
        # the log has the delivery itself, and each line costs an eighth of a delivery's CPU
        log.debug("delivery_stored", forge=self.forge.name, delivery=id, seq=seq)
        self.stored.inc()
        return seq, id


def installed(scope: Message) -> bytes | None:
    """Return the text for somebody whom GitHub sends here after an installation; stores nothing."""
    if scope["method"] != "GET":
        return None
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    return INSTALLED if query.get("setup_action") == ["install"] else None


async def answer(send: Send, status: int, body: bytes, type: bytes = b"application/json") -> None:
    """Send a whole answer."""
    headers = [(b"content-type", type), (b"content-length", str(len(body)).encode())]
    if status == 503:
        headers.append((b"retry-after", str(LATER).encode()))
    if status == 405:
        headers.append((b"allow", b"POST"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
