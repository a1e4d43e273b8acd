"""The two paths of the device flow for devices, as RFC 8628 has them; bare ASGI.

- POST ``/oauth/device_authorization``: codes; the person goes to ``/device`` with the short one.
  Beside RFC 8628's words it takes ``name`` (what the token is to be called), ``tenants`` and
  ``days``; ``client_id`` is anything, for no client is known here beforehand.
- POST ``/oauth/token``: the token, or why there is none yet.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, quote

import msgspec
import structlog

from edge.auth.device import Devices, DeviceWaits
from edge.auth.device_words import AUTHORIZATION, GRANT, Codes, Granted
from edge.auth.door import Door, TooManyAttempts
from edge.auth.issuing import DAYS, TokenInvalid
from schemas.errors import LogUnavailable, PushlineError

log = structlog.get_logger(__name__)

PAGE: Final = "/device"
LARGEST: Final = 8 * 1024  # bytes of a form
LATER: Final = (b"retry-after", b"5")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Form = Mapping[str, str]


class _Refused(Exception):
    """OAuth's way to say no: a word, and a sentence."""

    def __init__(self, error: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.error = error
        self.status = status


@dataclass(frozen=True, slots=True)
class DeviceEndpoints:
    """ASGI application of both paths; ``system`` is where people sign in, as https://HOST."""

    devices: Devices
    door: Door
    system: str

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer as OAuth does: JSON, kept by nobody."""
        more: list[tuple[bytes, bytes]] = []
        try:
            said: Any = await self._said(scope, receive)
            status = 200
        except (_Refused, DeviceWaits) as error:
            status, said = getattr(error, "status", 400), _error(error.error, str(error))
        except TooManyAttempts as error:
            status, said = 429, _error("slow_down", error.hint)
            more = [(b"retry-after", b"%d" % error.wait)]
        except TokenInvalid as error:
            word = "invalid_scope" if error.message.startswith("scopes") else "invalid_request"
            status, said = 400, _error(word, str(error))
        except LogUnavailable as error:
            log.warning("device_flow_unavailable", code=error.code)
            status, said, more = 503, _error("temporarily_unavailable", "try again"), [LATER]
        except PushlineError as error:
            log.warning("device_flow_failed", code=error.code, message=error.message)
            status, said = 500, _error("server_error", "the operator's log lines say why")
        await _send(send, status, said, *more)

    async def _said(self, scope: Message, receive: Receive) -> Codes | Granted:
        if scope["method"] != "POST":
            raise _Refused("invalid_request", "POST is what is served here", 405)
        form = await _form(receive)
        source = self.door.source(dict(scope["headers"]))
        if scope["path"] == AUTHORIZATION:
            return await self._begun(form, source)
        if form.get("grant_type") != GRANT:
            raise _Refused("unsupported_grant_type", f"grant_type has to be {GRANT}")
        got = await self.devices.redeem(form.get("device_code", "")[:200], source)
        return Granted(access_token=got.token, expires_in=got.seconds, scope=" ".join(got.scopes))

    async def _begun(self, form: Form, source: str) -> Codes:
        days = form.get("days", str(DAYS))
        begun = await self.devices.begin(
            form.get("name") or form.get("client_id", ""),
            scopes=form.get("scope", "").split(),
            tenants=form.get("tenants", "").split(),
            days=int(days) if days.isdecimal() and len(days) < 6 else 0,
            source=source,
        )
        page = f"{self.system}{PAGE}"
        return Codes(
            device_code=begun.device_code,
            user_code=begun.user_code,
            verification_uri=page,
            verification_uri_complete=f"{page}?user_code={quote(begun.user_code)}",
            expires_in=int((begun.until - datetime.now(UTC)).total_seconds()),
        )


async def _form(receive: Receive) -> Form:
    body, more = bytearray(), True
    while more:
        part = await receive()
        if part["type"] == "http.disconnect":
            raise _Refused("invalid_request", "the request ended early")
        body += part.get("body", b"")
        more = part.get("more_body", False)
        if len(body) > LARGEST:
            raise _Refused("invalid_request", "the form is too large", 413)
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise _Refused("invalid_request", "this is no form") from None
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Refused("invalid_request", "a field is there twice")
    return found


def _error(error: str, description: str) -> dict[str, str]:
    return {"error": error, "error_description": description}


async def _send(send: Send, status: int, said: object, *more: tuple[bytes, bytes]) -> None:
    body = msgspec.json.encode(said)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
