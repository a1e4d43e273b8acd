"""``GET /pub-cert.pem``: what kubeseal seals with for this cluster; anybody may have it.

The controller's own answer, kept for some minutes: it renews its key each month, and opens what
was sealed with an older one. While it does not answer, the last one known is good.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

import aiohttp
from cryptography import x509

from schemas.errors import Retry

Message: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

PATH: Final = "/pub-cert.pem"
OLD: Final = "/api/pub-cert.pem"  # the predecessor's
AT: Final = "/v1/cert.pem"  # of the controller
KEPT: Final = 600.0  # seconds
PAUSE: Final = 5.0  # seconds after an outage
LARGEST: Final = 64 * 1024  # bytes
TIMEOUT: Final = 5.0  # seconds


class CertificateUnavailable(Retry):
    """The SealedSecrets controller does not hand out its certificate."""

    code = "certificate_unavailable"


class PubCert:
    """ASGI application; one question at a time to the controller is enough."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Ask the controller at ``url``, when first asked."""
        self.url = url.rstrip("/") + AT
        self.clock = clock
        self._pem = b""
        self._until = 0.0  # when the controller may be asked again
        self._error: CertificateUnavailable | None = None  # its last one
        self._asking = asyncio.Lock()

    async def __call__(self, scope: Message, _: object, send: Send) -> None:
        """Answer the certificate, or 405; raises CertificateUnavailable, a 503."""
        if scope["method"] not in ("GET", "HEAD"):
            await _answer(send, 405, b"GET it\n", (b"allow", b"GET, HEAD"))
            return
        pem = await self.certificate()
        kept = (b"cache-control", b"public, max-age=60")
        await _answer(send, 200, pem, kept, kind=b"application/x-pem-file")

    async def certificate(self) -> bytes:
        """Return the newest that is known; raises CertificateUnavailable where none ever was.

        Anybody may ask us, as often as he likes: the controller is asked by one at a time, and
        left alone for a while after an outage.
        """
        async with self._asking:
            if self.clock() >= self._until:
                try:
                    self._pem = await self._asked()
                    self._until = self.clock() + KEPT
                except CertificateUnavailable as error:
                    self._error, self._until = error, self.clock() + PAUSE
        if not self._pem and self._error is not None:
            raise CertificateUnavailable(self._error.message, hint=self._error.hint)
        return self._pem

    async def _asked(self) -> bytes:
        limit = aiohttp.ClientTimeout(total=TIMEOUT)
        try:
            async with (
                aiohttp.ClientSession(timeout=limit) as session,
                session.get(self.url, allow_redirects=False) as response,
            ):
                body, status = bytearray(), response.status
                async for part in response.content.iter_any():
                    body += part
                    if len(body) > LARGEST:
                        raise _unavailable(f"answers with over {LARGEST} bytes")
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise _unavailable(f"does not answer: {type(error).__name__}") from error
        if status != 200:
            raise _unavailable(f"answers {status}")
        try:
            x509.load_pem_x509_certificate(bytes(body))
        except ValueError as error:
            raise _unavailable("answers something else than a certificate") from error
        return bytes(body)


def _unavailable(what: str) -> CertificateUnavailable:
    return CertificateUnavailable(
        f"the SealedSecrets controller {what}",
        hint="the operator sets PUSHLINE_SEALED_SECRETS_URL to where it listens",
    )


async def _answer(
    send: Send,
    status: int,
    body: bytes,
    *headers: tuple[bytes, bytes],
    kind: bytes = b"text/plain; charset=utf-8",
) -> None:
    shown = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": shown})
    await send({"type": "http.response.body", "body": body})
