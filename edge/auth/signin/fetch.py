"""Outgoing requests to a provider: few, small, and given up in time.

Nothing of what is sent or received stands in an error: codes, secrets and tokens are in both.
"""

import base64
import re
from collections.abc import AsyncIterator, Mapping
from typing import Final, TypeVar
from urllib.parse import urlsplit

import aiohttp
import msgspec

from edge.auth.signin.errors import ProviderAnswered, ProviderUnavailable

TIMEOUT: Final = aiohttp.ClientTimeout(total=15, connect=5)
LARGEST: Final = 2 * 1024 * 1024  # bytes of an answer
PAGES: Final = 100  # of one list; of whoever is in more groups we say so
AGENT: Final = "pushline"  # GitHub answers nobody without a name

_NEXT: Final = re.compile(r'<([^<>]+)>\s*;(?:[^,]*;)?\s*rel="?next"?')

T = TypeVar("T")


class Fetched(msgspec.Struct, frozen=True):
    """An answer."""

    who: str
    status: int
    body: bytes
    next: str = ""  # of a list: where it goes on

    def __repr__(self) -> str:
        """Return the status; tokens are in the body."""
        return f"Fetched({self.who}, {self.status})"

    def read(self, kind: type[T]) -> T:
        """Return the body; raises ProviderAnswered where it is something else."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise ProviderAnswered(
                f"{self.who} answered {self.status} in a shape that is not documented",
                hint="is its address right, and nothing in between?",
            ) from None


async def fetch(
    who: str,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
    json: Mapping[str, str] | None = None,
) -> Fetched:
    """Return the answer of ``who``, whatever its status below 500; raises ProviderUnavailable.

    A redirect is an answer too: nothing that we send is for anybody else.
    """
    asked = {"Accept": "application/json", "User-Agent": AGENT, **(headers or {})}
    try:
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT) as session,
            session.request(
                method, url, headers=asked, data=form, json=json, allow_redirects=False
            ) as answer,
        ):
            body = await _body(who, answer)
            link = _NEXT.search(answer.headers.get("Link", ""))
            status = answer.status
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ProviderUnavailable(
            f"{who} does not answer ({type(error).__name__})", hint="try again in a moment"
        ) from None  # the error's own words may quote the address, and what is in it
    if status >= 500 or status == 429:
        raise ProviderUnavailable(f"{who} answered {status}", hint="try again in a moment")
    return Fetched(who, status, body, link[1] if link else "")


async def pages(who: str, url: str, headers: Mapping[str, str]) -> AsyncIterator[Fetched]:
    """Yield each page of a list; raises ProviderAnswered where it has no end, or leads away."""
    origin = urlsplit(url)[:2]
    for _ in range(PAGES):
        page = await fetch(who, "GET", url, headers=headers)
        yield page
        if not page.next:
            return
        url = page.next
        if urlsplit(url)[:2] != origin:
            raise ProviderAnswered(
                f"a list of {who} goes on at another address",
                hint="its operator has to set its own external address right",
            )
    raise ProviderAnswered(f"a list of {who} has more than {PAGES} pages")


def basic(user: str, password: str) -> dict[str, str]:
    """Return the header of Basic authentication."""
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


async def _body(who: str, answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for part in answer.content.iter_any():
        body += part
        if len(body) > LARGEST:
            raise ProviderAnswered(f"{who} answered with more than {LARGEST} bytes")
    return bytes(body)
