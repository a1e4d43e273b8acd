"""What a gateway's answer means: a result, a refusal that ends a deployment, or a later try."""

import re
from datetime import timedelta
from typing import ClassVar, Final, TypeVar

import aiohttp
import msgspec

from schemas.errors import DeployFailed, PlatformUnavailable

SHOWN: Final = 500  # characters of a gateway's words
LARGEST: Final = 32 * 1024 * 1024  # bytes of a list: thousands of functions
T = TypeVar("T")

# Kubernetes' words for what no repetition mends; faas-netes passes them on with 500.
_FINAL: Final = re.compile(
    r"is invalid|is forbidden|denied the request|exceeded quota|unable to (?:pull|find)",
    re.IGNORECASE,
)


class GatewayUnavailable(PlatformUnavailable):
    """The gateway did not answer, or not as itself: deployments wait for it."""

    code = "gateway_unavailable"
    patience: ClassVar[timedelta] = timedelta(hours=6)


class GatewayFailed(PlatformUnavailable):
    """The gateway is there and could not do it, this time: tried again, but not for hours."""

    code = "gateway_failed"


class GatewayDenied(PlatformUnavailable):
    """The gateway does not take our user and password; an operator's work."""

    code = "gateway_denied"


class Missing(DeployFailed):
    """The gateway has nothing of that name."""


async def body_of(response: aiohttp.ClientResponse, most: int = LARGEST) -> bytes:
    """Return a body of a sane size; raises GatewayUnavailable."""
    found = bytearray()
    async for piece in response.content.iter_any():
        found += piece
        if len(found) > most:
            response.close()
            raise _strange(response, f"with more than {most} bytes")
    return bytes(found)


async def success(response: aiohttp.ClientResponse, most: int = LARGEST) -> bytes:
    """Return the body of any 2xx; raises for everything else.

    400 and the like: DeployFailed with the gateway's words. 401 and 403: GatewayDenied. 500:
    GatewayFailed, or DeployFailed for Kubernetes' last word. Other 5xx, redirects and what is no
    gateway: GatewayUnavailable.
    """
    status = response.status
    body = await body_of(response, most)
    if 200 <= status < 300:
        return body
    if status in (401, 403):
        raise GatewayDenied(
            f"the gateway refuses Pushline's user ({status})",
            hint="the operator sets PUSHLINE_GATEWAY_USER and PUSHLINE_GATEWAY_PASSWORD",
        )
    if 300 <= status < 400:
        where = response.headers.get("Location", "")[:SHOWN]
        raise _strange(response, f"with a redirect to {shown(where)}, which is not followed")
    said = words(body)
    if status == 404:
        raise Missing(f"the gateway does not know it: {said or response.url.path}")
    if status < 500 and status not in (408, 429):
        raise DeployFailed(f"the gateway refuses it ({status}): {said or 'without a word'}")
    if _FINAL.search(said):
        raise DeployFailed(f"the gateway can't do it ({status}): {said}")
    kind = GatewayFailed if status == 500 else GatewayUnavailable
    raise kind(f"the gateway answers {status}: {said or 'without a word'}")


def decoded(response: aiohttp.ClientResponse, body: bytes, kind: type[T]) -> T:
    """Return what a body says; a gateway that answers with something else is none."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        kind_of_body = response.headers.get("Content-Type", "no type")[:80]
        raise _strange(
            response, f"with {shown(kind_of_body)} that is not its API's ({error})"
        ) from (None)


def words(body: bytes) -> str:
    """Return what a gateway said, on one line that can be shown."""
    return shown(body[: 4 * SHOWN].decode("utf-8", "replace"))[:SHOWN]


def shown(text: str) -> str:
    """Return a text without line ends and control characters."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _strange(response: aiohttp.ClientResponse, how: str) -> GatewayUnavailable:
    return GatewayUnavailable(
        f"{response.method} {response.url.path} is answered {how}",
        hint="PUSHLINE_GATEWAY_URL has to be an OpenFaaS gateway's",
    )
